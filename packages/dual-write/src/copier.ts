import { type Migration, otherSide, redact, type SideName, type Snapshot, traced, within } from '@twinspan/core'
import pRetry, { AbortError } from 'p-retry'
import { copyState, type DirtyKey, dirtyKeys, type Failure } from './batch.ts'

export interface CopierSettings {
  readonly batchSize: number
  readonly timeoutMs: number
  readonly maxAttempts: number
  readonly firstRetryMs: number
  readonly longestRetryMs: number
  readonly random: () => number
}

/**
 * What one look at the journal came to: nothing was due, keys were copied (or put off), the phase moved on or asks for no
 * mirror, or one of the sides did not answer.
 */
export type Outcome = 'idle' | 'copied' | 'stale' | 'unavailable'

/** Thrown inside the library only: the secondary does not answer, so the failure says nothing about the rows. */
class SecondaryDown extends Error {}

/** Takes one batch of dirty keys from the primary's journal and copies their current state to the secondary. */
export function createCopier(migration: Migration, settings: CopierSettings): () => Promise<Outcome> {
  const { entities, sides } = migration

  return async () => {
    const snapshot = migration.snapshot
    const to = snapshot.plan.mirrorsTo
    if (to === null) return 'stale'
    const from = otherSide(to)
    const { journal } = sides[from]
    const rows = await within(settings.timeoutMs, `the journal of ${from}`, () =>
      journal.read({ limit: settings.batchSize }),
    )
    const keys = dirtyKeys(entities, rows)
    if (keys.length === 0) return 'idle'

    const began = migration.now()
    const report = (outcome: 'ok' | 'failed' | 'stale', count: number): void =>
      migration.events.emit({ type: 'mirror-batch', rows: count, durationMs: migration.now() - began, outcome })
    try {
      migration.events.emit({ type: 'mirror-inflight', batches: 1 })
      const copied = await traced(
        'twinspan.mirror.batch',
        { 'twinspan.migration': migration.name, keys: keys.length },
        () => copy(keys, from, to, snapshot),
      )
      report('ok', copied)
      return 'copied'
    } catch (error) {
      if (sides[to].isStalePhase(error)) {
        report('stale', 0)
        return 'stale'
      }
      report('failed', 0)
      if (error instanceof SecondaryDown) return 'unavailable'
      throw error
    } finally {
      migration.events.emit({ type: 'mirror-inflight', batches: 0 })
    }
  }

  /** Copies what it can of the keys; what fails for its own sake is put off or parked. Returns how many were copied. */
  async function copy(keys: readonly DirtyKey[], from: SideName, to: SideName, snapshot: Snapshot): Promise<number> {
    let result: Attempt
    try {
      result = await attempt(keys, from, to, snapshot)
    } catch (error) {
      if (sides[to].isStalePhase(error) || error instanceof SecondaryDown) throw error
      const [first] = keys
      if (keys.length === 1 && first !== undefined) {
        await putOff([{ key: first, error }], from)
        return 0
      }
      // One poisoned row must not hold up its neighbours: halves, until it stands alone.
      const middle = Math.ceil(keys.length / 2)
      const head = await copy(keys.slice(0, middle), from, to, snapshot)
      return head + (await copy(keys.slice(middle), from, to, snapshot))
    }
    await confirm(result.copied, from)
    if (result.failures.length > 0) await putOff(result.failures, from)
    return result.copied.length
  }

  interface Attempt {
    readonly copied: readonly DirtyKey[]
    readonly failures: readonly Failure[]
  }

  /** One transaction, repeated shortly for what passes by itself: a deadlock, a lock that was not free. */
  function attempt(keys: readonly DirtyKey[], from: SideName, to: SideName, snapshot: Snapshot): Promise<Attempt> {
    const stripes = keys.map((key) => key.stripe)
    const once = (): Promise<Attempt> =>
      sides[to].copy({ stripes, epoch: snapshot.epoch, wait: 'free', timeoutMs: settings.timeoutMs }, async (held) => {
        const mine = keys.filter((key) => held.stripes.includes(key.stripe))
        const failures = await copyState(entities, mine, from, to, held.transaction)
        const failed = new Set(failures.map((failure) => failure.key))
        return { copied: mine.filter((key) => !failed.has(key)), failures }
      })
    return pRetry(
      async () => {
        try {
          // The adapter ends the transaction by itself; the longer wait here is for an adapter that hangs.
          return await within(settings.timeoutMs * 2, `a copy to ${to}`, once)
        } catch (error) {
          if (sides[to].isStalePhase(error)) throw new AbortError(error as Error)
          if (!(await answers(to))) throw new AbortError(new SecondaryDown(redact(error)))
          throw error
        }
      },
      { retries: 1, minTimeout: settings.firstRetryMs / 10, randomize: true },
    )
  }

  /** Tells an outage from a bad row: whoever reads its fence row is there. */
  async function answers(side: SideName): Promise<boolean> {
    return within(settings.timeoutMs, `the fence of ${side}`, () => sides[side].fence.read()).then(
      () => true,
      () => false,
    )
  }

  async function confirm(keys: readonly DirtyKey[], from: SideName): Promise<void> {
    // After the commit and by id: a row that was appended since the read stays, whatever its number.
    await sides[from].journal.remove(keys.flatMap((key) => key.ids))
    for (const entity of entities) {
      const own = keys.filter((key) => key.entity === entity).map((key) => key.text)
      if (own.length > 0) migration.events.emit({ type: 'mirrored', entity: entity.name, keys: own })
    }
  }

  async function putOff(failures: readonly Failure[], from: SideName): Promise<void> {
    const { journal } = sides[from]
    for (const { key, error } of failures) {
      const reason = redact(error)
      if (key.attempts + 1 < settings.maxAttempts) {
        const delayMs =
          Math.min(settings.longestRetryMs, settings.firstRetryMs * 2 ** key.attempts) * (0.5 + settings.random() / 2)
        await journal.defer(key.ids, { delayMs: Math.round(delayMs), error: reason })
      } else {
        await journal.park(key.ids, { error: reason })
        const type = error instanceof Error ? error.name : typeof error
        migration.events.emit({ type: 'parked', entity: key.entity.name, rows: key.ids.length, class: type })
      }
    }
  }
}
