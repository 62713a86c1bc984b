import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { bucket, murmur3 } from '@twinspan/router/bucket'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { seedOf } from '../src/bucket.ts'
import type { Router } from '../src/index.ts'
import { parsePercent } from '../src/percent.ts'
import { BY, createWorld, walk } from './world.ts'

const MILLION = 1_000_000

let world: ReturnType<typeof createWorld>
beforeEach(() => {
  world = createWorld()
})
afterEach(() => world.end())

async function canary(): Promise<Router> {
  const { migration, router } = await world.join()
  await walk(migration, 'canary')
  await router.start()
  return router
}

function countIn(router: Router, keys: number): number {
  let inside = 0
  for (let n = 0; n < keys; n++) if (router.decide(`user-${n}`).side === 'target') inside++
  return inside
}

/** A key of eight ASCII letters with this bucket: a block of the hash can be turned round, so its second half is solved for. */
function keyOf(wanted: number, seed: number): string {
  for (let n = 0; ; n++) {
    const first = String(n).padStart(4, '0')
    const bytes = new Uint8Array(new Int32Array([secondBlock(wanted, stateAfter(first, seed))]).buffer)
    if (bytes.every((byte) => byte > 0x20 && byte < 0x7f)) return first + new TextDecoder().decode(bytes)
  }
}

function stateAfter(first: string, seed: number): number {
  const [block = 0] = new Int32Array(new TextEncoder().encode(first).buffer)
  const state = seed ^ Math.imul(rotated(Math.imul(block, 0xcc9e2d51), 15), 0x1b873593)
  return (Math.imul(rotated(state, 13), 5) + 0xe6546b64) | 0
}

function secondBlock(wanted: number, before: number): number {
  let state = unshifted(wanted, 16)
  state = unshifted(Math.imul(state, inverse(0xc2b2ae35)), 13)
  state = unshifted(Math.imul(state, inverse(0x85ebca6b)), 16)
  state = Math.imul((state ^ 8) - 0xe6546b64, inverse(5))
  const mixed = rotated(state, 19) ^ before
  return Math.imul(rotated(Math.imul(mixed, inverse(0x1b873593)), 17), inverse(0xcc9e2d51))
}

/** The factor that undoes a multiplication modulo 2^32. */
function inverse(odd: number): number {
  let guess = odd
  for (let round = 0; round < 5; round++) guess = Math.imul(guess, 2 - Math.imul(odd, guess))
  return guess
}

function rotated(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by))
}

function unshifted(value: number, by: number): number {
  let found = value
  for (let done = by; done < 32; done += by) found = value ^ (found >>> by)
  return found
}

describe('a percentage of a million keys', () => {
  it('is nobody at 0 and everybody at 100', async () => {
    const router = await canary()
    await router.setPercent(0, BY)
    expect(countIn(router, MILLION)).toBe(0)
    await router.setPercent(100, BY)
    expect(countIn(router, MILLION)).toBe(MILLION)
  })

  it('is a hundredth of a per cent, give or take what chance does', async () => {
    const router = await canary()
    await router.setPercent('0.01', BY)
    expect(Math.abs(countIn(router, MILLION) - 100)).toBeLessThanOrEqual(49)
  })

  it.each([0, 1, 2 ** 31, 2 ** 32 - 1])('decides bucket %d as the threshold says', async (edge) => {
    const scope = { migration: 'things-move', unit: 'user' }
    const key = keyOf(edge, seedOf(scope))
    expect(bucket(key, scope)).toBe(edge)
    const router = await canary()
    const sides = new Set<string>()
    // Thresholds 0, 1, 2, 2^31, 2^31 + 1, 2^32 - 1 and 2^32.
    for (const percent of ['0', '0.0000000233', '0.0000000466', '50', '50.0000000233', '99.9999999767', '100']) {
      await router.setPercent(percent, BY)
      const { side } = router.decide(key)
      expect(side, `at ${percent} %`).toBe(edge < parsePercent(percent).threshold ? 'target' : 'legacy')
      sides.add(side)
    }
    expect(sides.size).toBe(2)
  })
})

describe('a ramp', () => {
  it('loses nobody on its way up and wins nobody on its way down', async () => {
    const router = await canary()
    const up = ['0', '0.01', '1', '5', '10', '25', '50', '99.99', '100']
    const inside = new Uint8Array(100_000)
    for (const percent of up) {
      await router.setPercent(percent, BY)
      for (let n = 0; n < inside.length; n++) {
        const now = router.decide(`user-${n}`).side === 'target' ? 1 : 0
        if (now < inside[n]!) expect.fail(`user-${n} was sent back at ${percent} %`)
        inside[n] = now
      }
    }
    expect(inside.every((one) => one === 1)).toBe(true)
    for (const percent of up.toReversed()) {
      await router.setPercent(percent, BY)
      for (let n = 0; n < inside.length; n++) {
        const now = router.decide(`user-${n}`).side === 'target' ? 1 : 0
        if (now > inside[n]!) expect.fail(`user-${n} came in at ${percent} %`)
        inside[n] = now
      }
    }
    expect(inside.every((one) => one === 0)).toBe(true)
  })

  it('has thresholds in the order of its percentages', () => {
    const decimal = fc
      .tuple(fc.nat(99), fc.nat(9_999))
      .map(([whole, part]) => `${whole}.${String(part).padStart(4, '0')}`)
    fc.assert(
      fc.property(decimal, decimal, (a, b) => {
        const order = Math.sign(parsePercent(a).threshold - parsePercent(b).threshold)
        expect(order).toBe(Math.sign(Number(a) - Number(b)))
      }),
    )
  })
})

describe('another process', () => {
  it('puts every key into the same bucket', () => {
    const keys = fc.sample(fc.string({ unit: 'binary' }), { numRuns: 500, seed: 7 })
    const scope = { migration: 'users-to-postgres', unit: 'user', salt: 'ü' }
    const script = `
      import { bucket, murmur3 } from '@twinspan/router/bucket'
      const { keys, scope } = JSON.parse(await new Response(process.stdin).text())
      console.log(JSON.stringify(keys.map((key) => [bucket(key, scope), murmur3(key, 7)])))`
    const answer = execFileSync(process.execPath, ['--conditions=twinspan-src', '--input-type=module', '-e', script], {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
      input: JSON.stringify({ keys, scope }),
      encoding: 'utf8',
    })
    expect(JSON.parse(answer)).toEqual(keys.map((key) => [bucket(key, scope), murmur3(key, 7)]))
  })
})
