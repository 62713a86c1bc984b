import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Router } from '../src/index.ts'
import { BY, createWorld, someKeys, walk } from './world.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const KEYS = someKeys(1_000)
const BATCHES = 20

let world: ReturnType<typeof createWorld>
beforeEach(() => {
  world = createWorld()
})
afterEach(() => world.end())

function askAll(router: Router): number {
  let inside = 0
  for (const key of KEYS) if (router.decide(key).side === 'target') inside++
  return inside
}

/** The least by which the heap grew per decision in any of some rounds in which nothing was collected. */
function bytesPerDecision(router: Router): number {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < 12; round++) {
    collect()
    const before = process.memoryUsage().heapUsed
    for (let batch = 0; batch < BATCHES; batch++) askAll(router)
    const grown = process.memoryUsage().heapUsed - before
    if (grown >= 0) least = Math.min(least, grown)
  }
  return least / (BATCHES * KEYS.length)
}

describe('a decision', () => {
  it('leaves nothing on the heap', { retry: 2 }, async () => {
    const { migration, router } = await world.join()
    await walk(migration, 'canary')
    await router.start()
    await router.setPercent(10, BY)
    for (let warmUp = 0; warmUp < 300; warmUp++) askAll(router)
    // What a reading of the heap itself takes is shared by twenty thousand decisions.
    expect(bytesPerDecision(router)).toBeLessThan(0.5)
  })
})
