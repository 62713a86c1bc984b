import { createEvents, type Document, type Migration, sleep } from '@twinspan/core'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createFollower, type Follower } from '../src/follow.ts'

const scope = { unit: 'user', salt: '', hash: 'murmur3-x86-32' }

function rollout(version: number): Document {
  const value = {
    percent: '5',
    since: 0,
    phase: 'canary',
    epoch: 5,
    incarnation: 'a',
    killed: null,
    allow: [],
    deny: [],
    scope,
  }
  return { value, version }
}

/** A follower of a store whose every read ends when the test says so, in the order that the test says. */
function follow(): {
  readonly follower: Follower
  readonly reads: ((document: Document) => void)[]
  hint(): void
} {
  const reads: ((document: Document) => void)[] = []
  const listeners = new Set<() => void>()
  const migration = {
    name: 'things',
    events: createEvents(),
    now: Date.now,
    sleep,
    store: {
      getDocument: () => new Promise((resolve) => reads.push(resolve)),
      follow(_name: string, listener: () => void) {
        listeners.add(listener)
        return async () => listeners.delete(listener)
      },
    },
  } as unknown as Migration
  const follower = createFollower(migration, {
    scope,
    allow: [],
    deny: [],
    tenants: {},
    refreshMs: 1_000,
    leaseMs: 10_000,
    timeoutMs: 2_000,
    random: () => 0.5,
  })
  const hint = (): void => {
    for (const listener of listeners) listener()
  }
  return { follower, reads, hint }
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('a follower', () => {
  it('does not let a slow read overrule a later one', async () => {
    const { follower, reads } = follow()
    const looks = [follower.look(), follower.look()]
    reads[1]?.(rollout(2))
    await looks[1]
    reads[0]?.(rollout(1))
    await looks[0]
    expect(follower.view.epoch).toBe(2)
  })

  it('does not let a read that began before a write of its own overrule what was written', async () => {
    const { follower, reads } = follow()
    const look = follower.look()
    follower.learn(rollout(7))
    reads[0]?.(rollout(6))
    await look
    expect(follower.view.epoch).toBe(7)
  })

  it('takes a store that was set up anew for what it is', async () => {
    const { follower, reads } = follow()
    follower.learn(rollout(7))
    const look = follower.look()
    reads[0]?.(rollout(1))
    await look
    expect(follower.view.epoch).toBe(1)
  })

  it('has few reads in flight, however long the store says nothing', async () => {
    const { follower, reads } = follow()
    follower.start(() => {})
    await vi.advanceTimersByTimeAsync(29_000)
    expect(reads.length).toBeLessThanOrEqual(3)
    for (const end of reads.splice(0)) end(rollout(1))
    await vi.advanceTimersByTimeAsync(1_500)
    expect(reads.length).toBe(1)
    await Promise.all([follower.stop(), vi.advanceTimersByTimeAsync(5_000)])
  })

  it('gives up reads that never end, and asks again', async () => {
    const { follower, reads } = follow()
    follower.start(() => {})
    await vi.advanceTimersByTimeAsync(29_000)
    const silent = reads.length
    await vi.advanceTimersByTimeAsync(31_000)
    expect(reads.length).toBeGreaterThan(silent)
    await Promise.all([follower.stop(), vi.advanceTimersByTimeAsync(5_000)])
  })

  it('reads once more for a hint that came while a read was under way', async () => {
    const { follower, reads, hint } = follow()
    follower.start(() => {})
    reads.shift()?.(rollout(1))
    await vi.advanceTimersByTimeAsync(0)
    hint()
    hint()
    hint()
    expect(reads).toHaveLength(1)
    // What this read saw may be older than what the later hints speak of.
    reads.shift()?.(rollout(1))
    await vi.advanceTimersByTimeAsync(0)
    expect(reads).toHaveLength(1)
    reads.shift()?.(rollout(2))
    await vi.advanceTimersByTimeAsync(0)
    expect(reads).toHaveLength(0)
    expect(follower.view.epoch).toBe(2)
    await Promise.all([follower.stop(), vi.advanceTimersByTimeAsync(5_000)])
  })

  it('counts the age of what it knows from the beginning of the read', async () => {
    const { follower, reads } = follow()
    const look = follower.look()
    await vi.advanceTimersByTimeAsync(1_500)
    reads[0]?.(rollout(1))
    await look
    expect(Date.now() - (follower.readAt ?? 0)).toBe(1_500)
    await vi.advanceTimersByTimeAsync(8_500)
    expect(follower.isStale()).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    expect(follower.isStale()).toBe(true)
  })
})
