import { copyOptions, type Migration, type RehearsalReason, type Snapshot, within } from '@twinspan/core'
import { type CopiedKeys, type DirtyKey, readState } from './batch.ts'
import type { Call } from './calls.ts'
import { type Evidence, judge, loadRow, tryCall, type Verdict } from './rehearsal.ts'

/** The calls that are tried in a batch, by the key that each of them wrote. */
export type Rehearsed = ReadonlyMap<DirtyKey, Call>

export interface RehearsedBatch extends CopiedKeys {
  readonly verdicts: ReadonlyMap<DirtyKey, Verdict>
}

/** A copy that failed with calls in it. */
export class RehearsedCopyError extends Error {
  /** The call that was being tried when it did. */
  readonly during: Call | undefined
  /** The side cannot take back a part of a transaction, now or later. */
  readonly unsupported: boolean

  constructor(cause: unknown, { during, unsupported }: Pick<RehearsedCopyError, 'during' | 'unsupported'>) {
    super('a copy with rehearsals failed', { cause })
    this.during = during
    this.unsupported = unsupported
  }
}

/**
 * Copies keys to the target in one transaction, each in the order of its write, and tries the calls of those that have one
 * right before: a child finds the parent that was written before it.
 *
 * @throws RehearsedCopyError: nothing was copied
 */
export async function copyRehearsed(
  { entities, sides }: Migration,
  keys: readonly DirtyKey[],
  calls: Rehearsed,
  { snapshot, budgetMs }: { readonly snapshot: Snapshot; readonly budgetMs: number },
): Promise<RehearsedBatch> {
  let during: Call | undefined
  let unsupported = false
  const verdicts = new Map<DirtyKey, Verdict>()
  // What is left of the budget after the last call belongs to the copies.
  const lastCallAt = performance.now() + budgetMs / 2
  const stripes = keys.map((key) => key.stripe)

  const once = (): Promise<CopiedKeys> =>
    sides.target.copy({ stripes, epoch: snapshot.epoch, wait: 'free', timeoutMs: budgetMs }, async (held) => {
      const { transaction, attempt } = held
      // Before anything is written: what such a side needs of a copy is not the business of this one.
      if (attempt === undefined) {
        unsupported = true
        throw new Error('a part of a transaction cannot be taken back')
      }
      const options = copyOptions(held)
      const mine = keys.filter((key) => held.stripes.includes(key.stripe))
      const { changes, failures } = await readState(entities, mine, 'legacy')
      const rows = new Map(changes.flatMap(({ saves }) => saves.map(({ key, row }) => [key, row] as const)))
      const failed = new Set(failures.map(({ key }) => key))
      const copied = mine.filter((key) => !failed.has(key))
      for (const key of copied) {
        const store = key.entity.target
        const name = key.entity.keyOfText(key.text)
        const row = rows.get(key)
        const write = (): Promise<void> =>
          row === undefined ? store.remove([name], options) : store.save([row], options)
        const call = calls.get(key)
        if (call === undefined || performance.now() > lastCallAt) {
          await write()
          if (call !== undefined) verdicts.set(key, skip('busy'))
          continue
        }
        const before = await loadRow(store, name, transaction)
        during = call
        const trial = await tryCall(call, transaction, attempt)
        during = undefined
        const takenBack = await loadRow(store, name, transaction)
        await write()
        const evidence: Evidence = {
          trial,
          before,
          takenBack,
          copied: await loadRow(store, name, transaction),
          named: namedFields(row),
          mayLackHistory: !snapshot.plan.compares,
        }
        verdicts.set(key, judge(call, evidence))
      }
      // Another copier holds the stripe.
      for (const key of calls.keys()) if (!mine.includes(key)) verdicts.set(key, skip('busy'))
      return { copied, failures }
    })

  try {
    // The adapter ends the transaction by itself; the longer wait here is for an adapter that hangs.
    return { ...(await within(budgetMs * 2, 'A copy with rehearsals', once)), verdicts }
  } catch (error) {
    throw new RehearsedCopyError(error, { during, unsupported })
  }
}

export function skip(reason: RehearsalReason): Verdict {
  return { outcome: 'skipped', reason }
}

/** A field that the translation leaves out is the target's own. */
function namedFields(row: unknown): readonly string[] {
  return Object.entries(row ?? {}).flatMap(([name, value]) => (value === undefined ? [] : [name]))
}
