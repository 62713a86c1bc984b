import { isDeepStrictEqual } from 'node:util'
import {
  type Copy,
  type EntityStore,
  type Key,
  keyText,
  type RehearsalOutcome,
  type RehearsalReason,
  redact,
  TransactionEndedError,
} from '@twinspan/core'
import type { Call } from './calls.ts'
import { callMethod } from './repository.ts'

type Row = Readonly<Record<string, unknown>>

/** What a method left when it was tried. */
export type Trial =
  | { readonly row: Row | undefined; readonly key: Key; readonly answer: unknown }
  | { readonly error: unknown }

/** What a trial came to. Names of fields, never their values. */
export interface Verdict {
  readonly outcome: RehearsalOutcome
  readonly reason?: RehearsalReason
  readonly fields?: readonly string[]
  readonly error?: string
}

/**
 * Calls the target's own method in the transaction of a copy that holds the key's stripe, and takes back what it did.
 *
 * @throws TransactionEndedError when there is nothing left to take it back in
 */
export async function tryCall(call: Call, transaction: unknown, attempt: NonNullable<Copy['attempt']>): Promise<Trial> {
  const { entity } = call
  try {
    return await attempt(async () => {
      const answer = await callMethod(call.on(transaction), call.operation, call.args)
      const key = keyAfter(call, answer)
      return { row: await loadRow(entity.target, key, transaction), key, answer }
    })
  } catch (error) {
    if (error instanceof TransactionEndedError) throw error
    return { error }
  }
}

export async function loadRow(store: EntityStore, key: Key, transaction: unknown): Promise<Row | undefined> {
  const [row] = await store.load([key], { transaction })
  return row as Row | undefined
}

/** A method that makes its own keys has made another one than the primary's did. */
function keyAfter({ entity, key, keyAfter: ask }: Call, answer: unknown): Key {
  let named: Key | undefined
  try {
    named = ask(answer)
  } catch {
    // An answer that the key function cannot read is for the comparison of answers to find.
  }
  return entity.keyOfText(named === undefined ? key : keyText(named))
}

export interface Evidence {
  readonly trial: Trial
  /** The target's row before, when the trial was taken back, and what the copy left of it. */
  readonly before: Row | undefined
  readonly takenBack: Row | undefined
  readonly copied: Row | undefined
  /** The names of the fields that the translation names. */
  readonly named: readonly string[]
  /** Whether a row that the target lacks may be history that nobody has copied yet. */
  readonly mayLackHistory: boolean
}

/** Both rows were loaded from the target in one transaction: its types, defaults and triggers cancel each other out. */
export function judge(call: Call, { trial, before, takenBack, copied, named, mayLackHistory }: Evidence): Verdict {
  if (!isDeepStrictEqual(before, takenBack)) return { outcome: 'error', reason: 'escaped' }
  const verdict: Verdict =
    'error' in trial ? { outcome: 'error', error: redact(trial.error) } : compare(call, trial, copied, named)
  if (verdict.outcome === 'match') return verdict
  if (isDeepStrictEqual(before, copied)) return { outcome: 'skipped', reason: 'copied' }
  if (before === undefined && mayLackHistory) return { outcome: 'skipped', reason: 'no-row' }
  return verdict
}

function compare(
  { entity, key, options, result }: Call,
  trial: Exclude<Trial, { readonly error: unknown }>,
  copied: Row | undefined,
  named: readonly string[],
): Verdict {
  const { row, answer } = trial
  if (copied === undefined && row !== undefined) return { outcome: 'mismatch', reason: 'extra-row' }
  if (copied !== undefined && row === undefined) return { outcome: 'mismatch', reason: 'missing-row' }
  if (copied !== undefined && row !== undefined) {
    const ownKeys = pairs(entity.keyOfText(key), trial.key)
    const fields = named.filter(
      (name) =>
        options.ignoreFields?.includes(name) !== true &&
        !isDeepStrictEqual(row[name], copied[name]) &&
        !ownKeys.has(`${String(copied[name])} ${String(row[name])}`),
    )
    if (fields.length > 0) return { outcome: 'mismatch', reason: 'fields', fields }
  }
  if (options.compare === undefined && options.clean === undefined) return { outcome: 'match' }
  try {
    const clean = options.clean ?? ((one: unknown) => one)
    const same = (options.compare ?? isDeepStrictEqual)(clean(result), clean(answer))
    return same ? { outcome: 'match' } : { outcome: 'mismatch', reason: 'result' }
  } catch (error) {
    return { outcome: 'error', reason: 'result', error: redact(error) }
  }
}

/** The parts of two keys, side by side: where they differ, each side made its own. */
function pairs(one: Key, other: Key): ReadonlySet<string> {
  const parts = (key: Key): readonly unknown[] => (Array.isArray(key) ? key : [key])
  const others = parts(other)
  return new Set(parts(one).map((part, index) => `${String(part)} ${String(others[index])}`))
}
