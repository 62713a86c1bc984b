import type { MarkHints, Migration, SideName } from '@twinspan/core'
import { beforeEach, describe, expect, it } from 'vitest'
import { createWaker, type Waker } from '../src/waker.ts'

describe('waker', () => {
  let heard: string[]
  let primary: SideName
  let wakes: Partial<Record<SideName, () => void>>
  let holds: boolean
  let waker: Waker
  const side = (name: SideName) => ({
    hints(wake: () => void): MarkHints {
      heard.push(`follow ${name}`)
      wakes[name] = wake
      return {
        arm: async () => holds,
        disarm: async () => void heard.push(`disarm ${name}`),
        stop: async () => void heard.push(`stop ${name}`),
      }
    },
  })
  const migrationOf = (sides: unknown): Migration =>
    ({
      sides,
      get snapshot() {
        return { plan: { primary } }
      },
    }) as unknown as Migration

  beforeEach(() => {
    heard = []
    wakes = {}
    primary = 'legacy'
    holds = true
    waker = createWaker(migrationOf({ legacy: side('legacy'), target: side('target') }), {
      pollMs: 60_000,
      wake: () => heard.push('awake'),
    })
  })

  it('has the journal looked at once more when marks will be told of, and then sleeps as long as it may', async () => {
    expect(await waker.arm()).toBe('look')
    expect(await waker.arm()).toBe('sleep')
    expect(waker.patienceMs).toBe(60_000)
    wakes.legacy?.()
    expect(heard).toEqual(['follow legacy', 'awake'])
    expect(await waker.arm()).toBe('look')
    await waker.disarm()
    expect(await waker.arm()).toBe('look')
  })

  it('sleeps shortly when nobody would tell, and looks once more when somebody does', async () => {
    holds = false
    expect(await waker.arm()).toBe('sleep')
    expect(waker.patienceMs).toBe(250)
    holds = true
    expect(await waker.arm()).toBe('look')
    expect(waker.patienceMs).toBe(60_000)
  })

  it('asks the side that is the primary, and lets go of the one that was', async () => {
    await waker.arm()
    primary = 'target'
    expect(await waker.arm()).toBe('look')
    await waker.stop()
    expect(heard).toEqual(['follow legacy', 'stop legacy', 'follow target', 'stop target'])
  })

  it('polls a side that cannot tell', async () => {
    const polling = createWaker(migrationOf({ legacy: {} }), { pollMs: 700, wake: () => {} })
    expect(await polling.arm()).toBe('sleep')
    expect(polling.patienceMs).toBe(700)
    await polling.disarm()
    await polling.stop()
  })
})
