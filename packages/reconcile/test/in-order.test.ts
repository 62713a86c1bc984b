import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createBusyTime } from '../src/digests/busy-time.ts'
import { inOrder } from '../src/digests/in-order.ts'

async function* numbers(count: number): AsyncGenerator<number> {
  for (let at = 0; at < count; at++) {
    await Promise.resolve()
    yield at
  }
}

function later(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await Promise.resolve()
}

describe('work in order', () => {
  it('hands results out in the order of the source, and never does more at once than it may', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(20)), fc.integer({ min: 1, max: 4 }), async (durations, atOnce) => {
        let running = 0
        let most = 0
        const results: number[] = []
        const worked = inOrder(numbers(durations.length), atOnce, async (at) => {
          most = Math.max(most, ++running)
          await turns(durations[at] ?? 0)
          running--
          return at
        })
        for await (const result of worked) results.push(result)
        expect(results).toEqual(durations.map((_, at) => at))
        expect(most).toBeLessThanOrEqual(atOnce)
        expect(running).toBe(0)
      }),
    )
  })

  it('does one thing after the other where nothing may be done at once', async () => {
    const told: string[] = []
    async function* source(): AsyncGenerator<number> {
      for (const at of [0, 1]) {
        told.push(`asked for ${at}`)
        yield at
      }
    }
    const worked = inOrder(source(), 0, async (at) => {
      told.push(`begun ${at}`)
      await turns(20)
      told.push(`done ${at}`)
    })
    for await (const _ of worked) told.push('taken')
    expect(told).toEqual([0, 1].flatMap((at) => [`asked for ${at}`, `begun ${at}`, `done ${at}`, 'taken']))
  })

  it('does two things at once where it may', async () => {
    const begun: number[] = []
    const first = later()
    const worked = inOrder(numbers(3), 2, async (at) => {
      begun.push(at)
      if (at === 0) await first.promise
      return at
    })
    const one = worked.next()
    await turns(50)
    expect(begun).toEqual([0, 1])
    first.resolve()
    expect(await one).toEqual({ value: 0, done: false })
    await worked.return(undefined)
  })

  it('ends with the first failure, once nothing is at work any more', async () => {
    let running = 0
    const worked = inOrder(numbers(10), 3, async (at) => {
      running++
      await turns(at === 1 ? 1 : 30)
      running--
      if (at === 1) throw new Error('broken')
      return at
    })
    const results: number[] = []
    const all = (async () => {
      for await (const result of worked) results.push(result)
    })()
    await expect(all).rejects.toThrow('broken')
    expect({ results, running }).toEqual({ results: [0], running: 0 })
  })
})

describe('busy time', () => {
  it('is what the clock showed while anything was at work', async () => {
    let now = 0
    const busy = createBusyTime(() => now)
    const [one, two] = [later(), later()]
    const first = busy.during(() => one.promise)
    now = 10
    const second = busy.during(() => two.promise)
    now = 15
    expect(busy.take()).toBe(15)
    one.resolve()
    await first
    now = 18
    two.resolve()
    await second
    now = 100
    expect(busy.take()).toBe(3)
    expect(busy.take()).toBe(0)
  })
})
