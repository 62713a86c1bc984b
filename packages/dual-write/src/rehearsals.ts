import { type Migration, redact, type Snapshot, TimeoutError, TransactionEndedError } from '@twinspan/core'
import { type CopiedKeys, type DirtyKey, dirtyKeys } from './batch.ts'
import { type Call, callsOf, report } from './calls.ts'
import type { Verdict } from './rehearsal.ts'
import { copyRehearsed, type Rehearsed, RehearsedCopyError, skip } from './rehearsed-copy.ts'

/** More keys than these in a batch: the mirror is behind, and copies without rehearsing. */
const MOST_KEYS = 20

/** A call that waited longer says little about the rows as they are now. */
const LONGEST_WAIT_MS = 10_000

/** How long an operation that hung is left alone, or all of them after the target was too slow for any. */
const REST_MS = 60_000

/** How many rows of the journal are looked at to see whether a difference is another write's. */
const RECHECKED_ROWS = 500

/** Tries the target's own methods inside copies. Whatever comes of it, what is copied is the same. */
export interface Rehearsals {
  /** The calls that wait now. Asked before the journal is read. */
  waiting(): readonly Call[]
  /**
   * Chooses which of them are tried with these keys, and takes them out of the queue together with those that no batch
   * will ever bring.
   *
   * @param whole whether the keys are all that were due
   */
  choose(waiting: readonly Call[], keys: readonly DirtyKey[], whole: boolean): Rehearsed
  /** Copies the keys and tries the calls. `undefined`: it failed, nothing was copied, and the keys are to be copied without. */
  copy(keys: readonly DirtyKey[], calls: Rehearsed, snapshot: Snapshot): Promise<CopiedKeys | undefined>
  /** Forgets what waits: the target does not answer. */
  forget(): void
}

export function createRehearsals(migration: Migration, budgetMs: number): Rehearsals {
  const queue = callsOf(migration)
  /** Until when an operation rests. */
  const rests = new Map<string, number>()
  let unsupported = false
  let allRestUntil = Number.NEGATIVE_INFINITY
  const lastFindings = new Map<string, string>()

  return {
    waiting: queue.waiting,

    choose(waiting, keys, whole) {
      if (waiting.length === 0) return new Map()
      const chosen = new Map<DirtyKey, Call>()
      const taken = new Set<Call>()
      for (const key of keys) {
        const own = queue.waiting().filter((call) => call.entity === key.entity && call.key === key.text)
        const [call] = own
        if (call === undefined) continue
        for (const one of own) taken.add(one)
        const isOnly = own.length === 1 && waiting.includes(call)
        const verdict = refuse(call, key, isOnly, keys)
        if (verdict === undefined) chosen.set(key, call)
        else for (const one of own) report(migration, one, verdict)
      }
      if (whole) {
        // Handed over before the journal was read, and the journal does not hold its key: somebody else has copied it.
        for (const call of waiting) {
          if (taken.has(call)) continue
          taken.add(call)
          report(migration, call, skip('copied'))
        }
      }
      queue.remove(taken)
      return chosen
    },

    async copy(keys, calls, snapshot) {
      try {
        const { verdicts, ...copied } = await copyRehearsed(migration, keys, calls, { snapshot, budgetMs })
        const alone = [...verdicts.values()].some(isBad) ? await stillAlone(keys) : new Set()
        for (const [key, call] of calls) {
          const verdict = verdicts.get(key) ?? skip('copy-failed')
          conclude(call, isBad(verdict) && !alone.has(key) ? skip('other-writes') : verdict)
        }
        return copied
      } catch (error) {
        if (!(error instanceof RehearsedCopyError)) throw error
        rest(error)
        unsupported ||= error.unsupported
        const others = skip(unsupported ? 'unsupported' : 'copy-failed')
        for (const call of calls.values()) conclude(call, call === error.during ? blame(error) : others)
        return undefined
      }
    },

    forget() {
      const waiting = queue.waiting()
      for (const call of waiting) report(migration, call, skip('busy'))
      queue.remove(new Set(waiting))
    },
  }

  function refuse(call: Call, key: DirtyKey, isOnly: boolean, keys: readonly DirtyKey[]): Verdict | undefined {
    if (unsupported) return skip('unsupported')
    if (!isOnly || key.ids.length > 1) return skip('other-writes')
    // A row that failed before may fail the copy that it is part of.
    const behind = keys.length > MOST_KEYS || keys.some(({ attempts }) => attempts > 0)
    const now = migration.now()
    if (behind || now - call.at > LONGEST_WAIT_MS) return skip('busy')
    return now < allRestUntil || now < (rests.get(nameOf(call)) ?? Number.NEGATIVE_INFINITY)
      ? skip('resting')
      : undefined
  }

  function rest({ during, cause }: RehearsedCopyError): void {
    if (during !== undefined) {
      rests.set(nameOf(during), endedByItself(cause) ? Number.POSITIVE_INFINITY : migration.now() + REST_MS)
    } else if (cause instanceof TimeoutError) allRestUntil = migration.now() + REST_MS
  }

  /** Those keys of which the journal still holds the one row that was seen: no write came in between. */
  async function stillAlone(keys: readonly DirtyKey[]): Promise<ReadonlySet<DirtyKey>> {
    const rows = await migration.sides.legacy.journal.read({ limit: RECHECKED_ROWS }).catch(() => [])
    const now = dirtyKeys(migration.entities, rows)
    return new Set(
      keys.filter((key) => {
        const [id, ...others] = now.find((other) => other.entity === key.entity && other.text === key.text)?.ids ?? []
        return others.length === 0 && id === key.ids[0]
      }),
    )
  }

  function conclude(call: Call, verdict: Verdict): void {
    report(migration, call, verdict)
    if (!isBad(verdict)) return
    // Every trial would be a real write.
    if (verdict.reason === 'escaped') rests.set(nameOf(call), Number.POSITIVE_INFINITY)
    const detail = { operation: call.operation, ...verdict }
    const text = JSON.stringify(detail)
    // An operation that is wrong is wrong every time, and one finding says so.
    if (lastFindings.get(nameOf(call)) === text) return
    lastFindings.set(nameOf(call), text)
    // The operation names the finding: its arguments may be personal data.
    const finding = { kind: 'rehearsal', entity: call.entity.name, subject: call.operation, detail }
    void migration.store.saveFindings([finding]).catch(() => lastFindings.delete(nameOf(call)))
  }
}

/** The method returned, and its transaction was over: it commits by itself. */
function endedByItself(error: unknown): boolean {
  return error instanceof TransactionEndedError && error.cause === undefined
}

/** A transaction that the engine ended (a deadlock, a lost connection) says nothing about the method. */
function blame({ cause }: RehearsedCopyError): Verdict {
  return endedByItself(cause) || cause instanceof TimeoutError
    ? { outcome: 'error', error: redact(cause) }
    : skip('copy-failed')
}

function isBad({ outcome }: Verdict): boolean {
  return outcome === 'mismatch' || outcome === 'error'
}

function nameOf({ entity, operation }: Call): string {
  return `${entity.name}.${operation}`
}
