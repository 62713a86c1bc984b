import type { Entity, Key, Migration } from '@twinspan/core'
import type { RehearsalOptions, Untyped } from './operation.ts'
import type { Verdict } from './rehearsal.ts'

/** A write that succeeded on the primary and is to be tried on the target. */
export interface Call {
  readonly entity: Entity
  /** The `keyText` of the one key that it wrote. */
  readonly key: string
  readonly operation: string
  readonly options: RehearsalOptions<Untyped>
  readonly args: readonly unknown[]
  /** What the primary's method answered. */
  readonly result: unknown
  /** Milliseconds since 1970, by the migration's clock. */
  readonly at: number
  /** The key that the target's method wrote, by what it answered. */
  readonly keyAfter: (result: unknown) => Key | undefined
  /** The target's repository in a transaction. */
  readonly on: (connection: unknown) => object
}

/** How many calls wait for the mirror at most: they hold the arguments of requests that are over. */
const MOST_CALLS = 200

/**
 * What the wrappers of a migration hand to the mirror of the same process. Bounded: what does not fit is dropped and
 * counted, because no copy depends on it.
 */
export interface Calls {
  /** Takes calls from now on: a mirror is there that looks at them. */
  open(): void
  /** Takes no more calls and forgets those that wait. */
  close(): void
  offer(call: Call): void
  /** The calls that wait, oldest first. */
  waiting(): readonly Call[]
  /** Forgets these calls. */
  remove(calls: ReadonlySet<Call>): void
}

const opened = new WeakMap<Migration, Calls>()

export function callsOf(migration: Migration): Calls {
  const calls = opened.get(migration) ?? createCalls(migration)
  opened.set(migration, calls)
  return calls
}

function createCalls(migration: Migration): Calls {
  let taking = false
  let waiting: readonly Call[] = []
  return {
    open() {
      taking = true
    },
    close() {
      taking = false
      waiting = []
    },
    offer(call) {
      if (!taking) return
      if (waiting.length >= MOST_CALLS) report(migration, call, { outcome: 'skipped', reason: 'busy' })
      else waiting = [...waiting, call]
    },
    waiting: () => waiting,
    remove(calls) {
      if (calls.size > 0) waiting = waiting.filter((call) => !calls.has(call))
    },
  }
}

/** Tells what became of a call. */
export function report(migration: Migration, { entity, operation }: Call, verdict: Verdict): void {
  migration.events.emit({ type: 'rehearsal', entity: entity.name, operation, ...verdict })
}
