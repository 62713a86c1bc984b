import type { Migration } from '@twinspan/core'
import { createGatherer } from './gather.ts'
import { createGuard, type GuardOptions } from './guard.ts'
import { SHARED } from './shared.ts'
import type { GuardTick } from './verdict.ts'

const CLAIM = 'guard'

export interface LeaderOptions {
  readonly oncePerMs: number
  /** How long the claim lasts that makes a process the one that judges. */
  readonly ttlMs: number
}

/**
 * The judgement on what all processes saw. One process judges, which holds a claim in the store; when it is gone another begins, with
 * no evidence: what the first had gathered is lost with it, and what speaks against target goes on coming.
 */
export interface Leader {
  readonly leads: boolean
  readonly last: GuardTick | undefined
  /** `undefined` where another process judges. */
  tick(now: number): Promise<GuardTick | undefined>
  step(now: number): void
  reset(): void
  stop(): void
}

export function createLeader(migration: Migration, options: GuardOptions, settings: LeaderOptions): Leader {
  const { oncePerMs, ttlMs } = settings
  const guard = createGuard(options)
  let gatherer = createGatherer(oncePerMs)
  let leads = false
  let token: number | undefined
  let askAgainAt = Number.NEGATIVE_INFINITY
  let steppedAt: number | undefined
  let last: GuardTick | undefined

  function reset(): void {
    guard.reset()
    if (steppedAt !== undefined) guard.step(steppedAt)
  }

  async function claim(now: number): Promise<boolean> {
    if (!leads && now < askAgainAt) return false
    const held = await migration.store.claim(CLAIM, migration.instance, ttlMs).catch((error: unknown) => {
      leads = false
      throw error
    })
    leads = held !== undefined
    askAgainAt = now + ttlMs / 2
    if (held !== undefined) {
      // Tokens count the claims: the next one after ours means that nobody else has judged, although the store may have been away.
      if (token === undefined || held.token > token + 1) {
        reset()
        gatherer = createGatherer(oncePerMs)
      }
      token = held.token
    }
    return leads
  }

  return {
    get leads() {
      return leads
    },
    get last() {
      return leads ? last : undefined
    },
    async tick(now) {
      if (!(await claim(now))) return undefined
      const documents = await migration.store.listDocuments(SHARED)
      last = guard.tick(now, gatherer.gather(now, documents))
      const silent = gatherer.silent(now)
      if (silent.length > 0) await migration.store.removeDocuments(silent)
      return last
    },
    step(now) {
      steppedAt = now
      guard.step(now)
    },
    reset,
    stop() {
      if (!leads) return
      leads = false
      // Nobody waits for it: a claim that is not given back runs out.
      void migration.store.releaseClaim(CLAIM, migration.instance).catch(() => {})
    },
  }
}
