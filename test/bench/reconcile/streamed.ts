import type { Kysely } from 'kysely'
import type { Account, SamplesDB } from '../samples.ts'

/** What anybody would write first: both sides in key order, page by page, compared as JSON. */
export async function streamed(
  legacy: Kysely<SamplesDB>,
  target: Kysely<SamplesDB>,
): Promise<{ readonly rows: number; readonly differing: number }> {
  let rows = 0
  let differing = 0
  const page = (db: Kysely<SamplesDB>, after: number): Promise<Account[]> =>
    db.selectFrom('accounts').selectAll().where('id', '>', after).orderBy('id').limit(2_000).execute()
  for (let after = 0; ; ) {
    const [left, right] = await Promise.all([page(legacy, after), page(target, after)])
    for (const [at, row] of left.entries()) {
      const other = right[at]
      if (other === undefined || plain(row) !== plain(other)) differing++
    }
    rows += left.length
    if (left.length < 2_000) return { rows, differing }
    after = Number(left.at(-1)?.id)
  }
}

function plain(row: Account): string {
  return JSON.stringify([
    Number(row.id),
    row.email,
    row.name,
    row.balance,
    row.score,
    Boolean(row.active),
    row.ratio,
    row.created,
    row.note,
  ])
}
