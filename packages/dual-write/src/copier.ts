import {
  copyOptions,
  keyText,
  type Migration,
  otherSide,
  PartHeldError,
  redact,
  type SideName,
  type Snapshot,
  type StoreOptions,
  stripeOf,
  TimeoutError,
  traced,
  within,
} from '@twinspan/core'
import pRetry, { AbortError } from 'p-retry'
import { type CopiedKeys, copyState, type DirtyKey, dirtyKeys, type Failure } from './batch.ts'
import { copyGroup } from './group.ts'
import { lanesOf } from './lanes.ts'
import { noteLateCopy } from './late-copy.ts'
import { createRehearsals } from './rehearsals.ts'
import type { Rehearsed } from './rehearsed-copy.ts'

export interface CopierSettings {
  readonly timeoutMs: number
  readonly maxAttempts: number
  readonly firstRetryMs: number
  readonly longestRetryMs: number
  readonly rehearsalMs: number
  readonly random: () => number
}

/**
 * What one look at the journal came to: nothing was due, keys were copied (or put off), those were all that were due, the
 * phase moved on or asks for no mirror, or one of the sides did not answer.
 */
export type Outcome = 'idle' | 'copied' | 'caught-up' | 'stale' | 'unavailable'

/** Thrown inside the library only: the secondary does not answer, so the failure says nothing about the rows. */
class SecondaryDown extends Error {}

/**
 * The records that hold parts of these keys on the secondary and are not among `known`: records that exchange parts have
 * to be copied together, whether the other one is of this batch or not. A copy too many of a key changes nothing.
 */
function holdersOf(failures: readonly Failure[], known: readonly Failure[]): readonly Failure[] {
  const names = new Set(known.map(({ key }) => JSON.stringify([key.entity.name, key.text])))
  const holders: Failure[] = []
  for (const { key, error } of failures) {
    for (const text of error instanceof PartHeldError ? error.holders.map(keyText) : []) {
      const name = JSON.stringify([key.entity.name, text])
      if (names.has(name) || names.size >= 2 * GROUP_SIZE) continue
      names.add(name)
      holders.push({ key: { entity: key.entity, text, stripe: stripeOf(text), ids: [], attempts: 0 }, error })
    }
  }
  return holders
}

/** How many keys that failed alone are copied together at most: each that is found out costs a transaction. */
const GROUP_SIZE = 100

interface Way {
  readonly from: SideName
  readonly to: SideName
  readonly snapshot: Snapshot
}

/** Takes up to so many rows from the primary's journal and copies the current state of their keys to the secondary. */
export function createCopier(migration: Migration, settings: CopierSettings): (limit: number) => Promise<Outcome> {
  const { entities, sides } = migration
  const rehearsals = createRehearsals(migration, settings.rehearsalMs)

  return async (limit) => {
    const snapshot = migration.snapshot
    const to = snapshot.plan.mirrorsTo
    if (to === null) return 'stale'
    const from = otherSide(to)
    const { journal } = sides[from]
    // Before the journal is read: what is handed over from here on may not be in what it answers.
    const waiting = rehearsals.waiting()
    const rows = await within(settings.timeoutMs, `the journal of ${from}`, () => journal.read({ limit }))
    const keys = dirtyKeys(entities, rows)
    const calls: Rehearsed = to === 'target' ? rehearsals.choose(waiting, keys, rows.length < limit) : new Map()
    if (keys.length === 0) return 'idle'

    const began = migration.now()
    const report = (outcome: 'ok' | 'failed' | 'stale', count: number): void =>
      migration.events.emit({ type: 'mirror-batch', rows: count, durationMs: migration.now() - began, outcome })
    try {
      migration.events.emit({ type: 'mirror-inflight', batches: 1 })
      const copied = await traced(
        'twinspan.mirror.batch',
        { 'twinspan.migration': migration.name, keys: keys.length },
        () => copy(keys, calls, { from, to, snapshot }),
      )
      report('ok', copied)
      return rows.length < limit ? 'caught-up' : 'copied'
    } catch (error) {
      if (sides[to].isStalePhase(error)) {
        report('stale', 0)
        return 'stale'
      }
      report('failed', 0)
      rehearsals.forget()
      if (error instanceof SecondaryDown) return 'unavailable'
      throw error
    } finally {
      migration.events.emit({ type: 'mirror-inflight', batches: 0 })
    }
  }

  /** Copies what it can of the keys; what fails for its own sake is put off or parked. Returns how many were copied. */
  async function copy(keys: readonly DirtyKey[], calls: Rehearsed, way: Way): Promise<number> {
    if (calls.size > 0) {
      const result = await rehearsals.copy(keys, calls, way.snapshot)
      if (result !== undefined) return finish(result, way)
    }
    const alone: Failure[] = []
    const lanes = await Promise.allSettled(lanesOf(keys).map((lane) => bisect(lane, way, alone)))
    let apart = 0
    for (const lane of lanes) {
      if (lane.status === 'rejected') throw lane.reason
      apart += lane.value
    }
    let together = 0
    for (let start = 0; start < alone.length; start += GROUP_SIZE) {
      together += await copyTogether(alone.slice(start, start + GROUP_SIZE), way)
    }
    return apart + together
  }

  /** One poisoned row must not hold up its neighbours: halves, until it stands alone. */
  async function bisect(keys: readonly DirtyKey[], way: Way, alone: Failure[]): Promise<number> {
    let result: CopiedKeys
    try {
      result = await attempt(keys, way, 'free', (options, held) => copyState(entities, held, way.from, way.to, options))
    } catch (error) {
      if (sides[way.to].isStalePhase(error) || error instanceof SecondaryDown) throw error
      const [first] = keys
      if (keys.length === 1 && first !== undefined) {
        alone.push({ key: first, error })
        return 0
      }
      const middle = Math.ceil(keys.length / 2)
      const head = await bisect(keys.slice(0, middle), way, alone)
      return head + (await bisect(keys.slice(middle), way, alone))
    }
    return finish(result, way)
  }

  /**
   * What failed alone may only have been in each other's way. Copied in one transaction; where that fails, row by row, to
   * find out whose row it is that fails, and once more without that one, for as long as two are left.
   */
  async function copyTogether(failed: readonly Failure[], way: Way): Promise<number> {
    const lost = failed.filter(({ error }) => error instanceof TimeoutError)
    let left = failed.filter((failure) => !lost.includes(failure))
    left = [...left, ...holdersOf(left, failed)]
    for (let rowByRow = false; left.length > 1; rowByRow = true) {
      let tried: DirtyKey | undefined
      const trying = (key: DirtyKey | undefined): void => {
        tried = key
      }
      try {
        const keys = left.map(({ key }) => key)
        const result = await attempt(keys, way, 'all', (options, held) =>
          copyGroup(entities, held, { ...way, options, ...(rowByRow ? { trying } : {}) }),
        )
        if (lost.length > 0) await putOff(lost, way.from)
        return await finish(result, way)
      } catch (error) {
        if (sides[way.to].isStalePhase(error) || error instanceof SecondaryDown) throw error
        const at = left.find(({ key }) => key === tried)
        // A failure of the commit, or of the read, is nobody's in particular.
        if (rowByRow && (at === undefined || error instanceof TimeoutError)) break
        if (at !== undefined) {
          const failure = { key: at.key, error }
          const holders = holdersOf([failure], [...left, ...lost])
          left = [...left, ...holders]
          if (holders.length > 0) continue
          lost.push(failure)
        }
        left = left.filter((failure) => failure !== at)
      }
    }
    await putOff([...lost, ...left], way.from)
    return 0
  }

  async function finish({ copied, failures }: CopiedKeys, { from }: Way): Promise<number> {
    await confirm(copied, from)
    if (failures.length > 0) await putOff(failures, from)
    return copied.length
  }

  /** One transaction, that of a batch repeated shortly for what passes by itself: a deadlock, a lock that was not free. */
  function attempt(
    keys: readonly DirtyKey[],
    { to, snapshot }: Way,
    wait: 'free' | 'all',
    work: (options: StoreOptions, held: readonly DirtyKey[]) => Promise<readonly Failure[]>,
  ): Promise<CopiedKeys> {
    const stripes = keys.map((key) => key.stripe)
    const { timeoutMs } = settings
    let written = false
    const once = (): Promise<CopiedKeys> =>
      sides[to].copy({ stripes, epoch: snapshot.epoch, wait, timeoutMs }, async (held) => {
        written = true
        const mine = keys.filter((key) => held.stripes.includes(key.stripe))
        const failures = await work(copyOptions(held), mine)
        const failed = new Set(failures.map((failure) => failure.key))
        return { copied: mine.filter((key) => !failed.has(key)), failures }
      })
    return pRetry(
      async () => {
        try {
          // The adapter ends the transaction by itself; the longer wait here is for an adapter that hangs.
          return await within(timeoutMs * 2, `a copy to ${to}`, once)
        } catch (error) {
          if (written) await noteLateCopy(migration, to, keys, error)
          if (sides[to].isStalePhase(error)) throw new AbortError(error as Error)
          if (!(await answers(to))) throw new AbortError(new SecondaryDown(redact(error)))
          throw error
        }
      },
      { retries: wait === 'free' ? 1 : 0, minTimeout: settings.firstRetryMs / 10, randomize: true },
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
      // A holder of parts that was only taken along.
      if (key.ids.length === 0) continue
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
