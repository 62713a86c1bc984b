import { type Kysely, sql } from 'kysely'
import type { SamplesDB } from '../samples.ts'

const LEAF = 8_000
/** Stretches at work at once, each on both sides. */
const AT_ONCE = 3

/**
 * The floor under a sweep: one statement a leaf and side that hashes every column but the double, which engines write in
 * different ways. No fence, no snapshot, no doubt about keys without gaps, sessions or forms; it says that leaves differ and not what.
 *
 * @param legacy MariaDB
 * @param target PostgreSQL
 */
export async function statementsAlone(
  legacy: Kysely<SamplesDB>,
  target: Kysely<SamplesDB>,
): Promise<{ readonly rows: number; readonly differing: number }> {
  let [next, rows, differing, ended] = [0, 0, 0, false]
  const work = async (): Promise<void> => {
    while (!ended) {
      const after = next
      next += LEAF
      const [left, right] = await Promise.all([onMariadb(legacy, after), onPostgres(target, after)])
      rows += left.counted
      if (left.counted === 0) ended = true
      else if (left.digest !== right.digest) differing++
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return { rows, differing }
}

interface Leaf {
  readonly counted: number
  readonly digest: string | null
}

async function onMariadb(db: Kysely<SamplesDB>, after: number): Promise<Leaf> {
  const { rows } = await sql<Leaf>`
    set statement group_concat_max_len = 67108864 for
    select count(*) as counted, md5(group_concat(concat_ws(x'1f', isnull(note), octet_length(email), octet_length(name),
      octet_length(note), id, email, name, balance, score, active, trim(trailing '.' from trim(trailing '0' from created)), note)
      order by id separator '\\n')) as digest
    from accounts where id > ${after} and id <= ${after + LEAF}`.execute(db)
  return leafOf(rows)
}

async function onPostgres(db: Kysely<SamplesDB>, after: number): Promise<Leaf> {
  const { rows } = await sql<Leaf>`
    select count(*) as counted, md5(string_agg(t, e'\\n')) as digest from (
      select concat_ws(e'\\x1f', (note is null)::int, octet_length(email), octet_length(name), octet_length(note), id, email, name,
        balance, score, active::int, created at time zone 'UTC', note) as t
      from accounts where id > ${after} and id <= ${after + LEAF} order by id) as leaf`.execute(db)
  return leafOf(rows)
}

function leafOf([leaf]: readonly Leaf[]): Leaf {
  if (leaf === undefined) throw new Error('no row came back')
  return { ...leaf, counted: Number(leaf.counted) }
}
