import { type Kysely, sql } from 'kysely'
import type { SamplesDB } from '../samples.ts'

/** A difference made behind the library's back, and what a sweep has to call it. */
export interface Planted {
  readonly id: number
  readonly reason: 'value' | 'missing' | 'extra' | 'null-vs-empty'
}

/** Rows apart from each other whose score is moved by one; moved back with -1. */
export async function tamper(target: Kysely<SamplesDB>, ids: readonly number[], by: 1 | -1): Promise<void> {
  await target
    .updateTable('accounts')
    .set({ score: sql<number>`score + ${sql.lit(by)}` })
    .where('id', 'in', ids)
    .execute()
}

/** `count` numbers from 1 to `rows`, evenly apart. */
export function apart(count: number, rows: number): number[] {
  return Array.from({ length: count }, (_, at) => 1 + Math.floor(((at + 0.5) * rows) / count))
}

/**
 * Plants twenty differences of four kinds in the second half of the table, on keys that nobody writes meanwhile (`isPlanted`).
 */
export async function plantTwenty(
  target: Kysely<SamplesDB>,
  rows: number,
): Promise<{ readonly planted: readonly Planted[]; readonly remove: () => Promise<void> }> {
  const ids = apart(15, rows / 2).map((id) => Math.floor((rows / 2 + id) / 40) * 40 + 27)
  const [changed, missing, emptied] = [ids.slice(0, 5), ids.slice(5, 10), ids.slice(10)]
  const extra = Array.from({ length: 5 }, (_, at) => rows + 1 + at)
  const taken = await target.selectFrom('accounts').selectAll().where('id', 'in', missing).execute()
  const [model] = taken
  if (model === undefined) throw new Error('no row to plant a copy of')
  await tamper(target, changed, 1)
  await target.deleteFrom('accounts').where('id', 'in', missing).execute()
  await target.updateTable('accounts').set({ note: '' }).where('id', 'in', emptied.map(nullNote)).execute()
  await target
    .insertInto('accounts')
    .values(extra.map((id) => ({ ...model, id })))
    .execute()
  const planted = [
    ...changed.map((id): Planted => ({ id, reason: 'value' })),
    ...missing.map((id): Planted => ({ id, reason: 'missing' })),
    ...emptied.map((id): Planted => ({ id: nullNote(id), reason: 'null-vs-empty' })),
    ...extra.map((id): Planted => ({ id, reason: 'extra' })),
  ]
  return {
    planted,
    async remove() {
      await tamper(target, changed, -1)
      await target.insertInto('accounts').values(taken).execute()
      await target.updateTable('accounts').set({ note: null }).where('id', 'in', emptied.map(nullNote)).execute()
      await target.deleteFrom('accounts').where('id', 'in', extra).execute()
    },
  }
}

/** Every fourth row has no note. */
const nullNote = (id: number): number => id + 1

/** Whether a row may have been planted on. */
export function isPlanted(id: number): boolean {
  return id % 40 === 27 || id % 40 === 28
}
