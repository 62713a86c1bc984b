import type { Scope } from '../dialect.ts'
import { fenceLock } from './postgres-fence.ts'

/** The first half of the advisory locks that sleepers hold; the second is that of the fence. */
const SLEEPERS = 0x74776977

/** The channel on which this database tells of everything. */
export const CHANNEL = 'twinspan_document'

/** What is told of marks of a scope. */
export function wakeTopic(scope: Scope): string {
  return `journal:${fenceLock(scope)}`
}

/**
 * For plpgsql, after marks were made: tells who sleeps, and spends next to nothing where nobody does. `lock`: the fence's
 * number, as SQL.
 *
 * A transaction that notifies holds one lock of the whole server through its commit. Notifying in every transaction would
 * make all of them commit one after the other.
 */
export function tellSleepers(lock: string | number): string {
  return `if not pg_catalog.pg_try_advisory_xact_lock_shared(${SLEEPERS}, ${lock}) then
    perform pg_catalog.pg_notify('${CHANNEL}', 'journal:' || ${lock});
  end if;`
}

/** The same as a statement. */
export function tellingSleepers(scope: Scope): string {
  const lock = fenceLock(scope)
  return `select case when not pg_try_advisory_xact_lock_shared(${SLEEPERS}, ${lock})
    then pg_notify('${CHANNEL}', 'journal:${lock}') end`
}

/**
 * Becomes the sleeper, for the session that runs it: not while a transaction that marks is under way, which told nobody.
 */
export function fallAsleep(scope: Scope): string {
  return `select pg_try_advisory_lock(${SLEEPERS}, ${fenceLock(scope)}) as asleep`
}

export function getUp(scope: Scope): string {
  return `select pg_advisory_unlock(${SLEEPERS}, ${fenceLock(scope)})`
}
