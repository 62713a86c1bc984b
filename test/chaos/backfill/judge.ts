import { type Kysely, sql } from 'kysely'
import { type Held, judge as judgeWrites, type Write } from '../history.ts'
import { FIRST_VALUE, refOf, STEP } from './records.ts'

/** What a judge that knows both schemas, and nothing of the library, finds in the databases. */
export interface Findings {
  readonly legacyRows: number
  readonly targetRows: number
  /** Rows of the target that are there more than once, by what says whose row it is. */
  readonly duplicates: readonly string[]
  /** Rows that the target has and legacy has not: deleted, and back again. */
  readonly resurrected: readonly string[]
  /** Rows that are older on the target than on legacy, or that became older there at any time. */
  readonly overwritten: readonly string[]
  /** Rows that legacy has and the target has not. */
  readonly missing: readonly string[]
  /** Rows that differ in any other way. */
  readonly different: readonly string[]
  /** Writes that were acknowledged and are not what legacy holds. */
  readonly lost: readonly string[]
  /** Deleted rows that were on the target once more, for a moment. */
  readonly backForAMoment: number
}

/**
 * Has the target itself keep a record, from now on, of every row that becomes older and of every row that comes back at the
 * state in which it went.
 */
export async function watchTarget(target: Kysely<unknown>): Promise<void> {
  const statements = [
    'create table seen_older (id int not null, was numeric not null, became numeric not null)',
    'create table seen_gone (id int primary key, was numeric not null)',
    'create table seen_back (id int not null, became numeric not null)',
    `create function watch_items() returns trigger language plpgsql as $$
    begin
      if tg_op = 'UPDATE' and split_part(new.label, '.', 1)::numeric < split_part(old.label, '.', 1)::numeric then
        insert into seen_older values (new.id, split_part(old.label, '.', 1)::numeric, split_part(new.label, '.', 1)::numeric);
      elsif tg_op = 'DELETE' then
        insert into seen_gone values (old.id, split_part(old.label, '.', 1)::numeric)
        on conflict (id) do update set was = greatest(seen_gone.was, excluded.was);
      elsif tg_op = 'INSERT' then
        insert into seen_back select new.id, split_part(new.label, '.', 1)::numeric from seen_gone
        where id = new.id and was >= split_part(new.label, '.', 1)::numeric;
      end if;
      return null;
    end $$`,
    'create trigger watch_items after insert or update or delete on items for each row execute function watch_items()',
  ]
  for (const statement of statements) await sql.raw(statement).execute(target)
}

interface Row {
  readonly id: number
  readonly text: string
  readonly ref: string
}

const PAGE = 50_000

/** Rows in the order of their keys. */
async function* rowsOf(db: Kysely<unknown>, from: string): AsyncGenerator<Row> {
  for (let after = Number.MIN_SAFE_INTEGER; ; ) {
    const { rows } = await sql<Row>`select * from (${sql.raw(from)}) as rows_of_a_side
      where id > ${sql.lit(after)} order by id limit ${sql.lit(PAGE)}`.execute(db)
    for (const row of rows) yield { ...row, id: Number(row.id) }
    if (rows.length < PAGE) return
    after = Number(rows.at(-1)?.id)
  }
}

/**
 * Holds every row of the target against legacy's, and legacy's against what the users were told.
 *
 * @param writes of the users
 * @param lastKey the largest key of history
 */
export async function judge(
  legacy: Kysely<unknown>,
  target: Kysely<unknown>,
  writes: readonly Write[],
  lastKey: number,
): Promise<Findings> {
  const touched = new Set(writes.map(({ key }) => key))
  const images = { legacy: new Map<number, Held>(), target: new Map<number, Held>() }
  const resurrected: string[] = []
  const overwritten: string[] = []
  const missing: string[] = []
  const different: string[] = []
  let [legacyRows, targetRows] = [0, 0]

  const ours = rowsOf(legacy, 'select record_id as id, txt as text, ref from records')
  const theirs = rowsOf(target, 'select id, label as text, ref from items')
  let [left, right] = [await ours.next(), await theirs.next()]
  while (left.done !== true || right.done !== true) {
    const leftId = left.done === true ? Number.POSITIVE_INFINITY : left.value.id
    const rightId = right.done === true ? Number.POSITIVE_INFINITY : right.value.id
    const id = Math.min(leftId, rightId)
    const held = leftId === id ? (left.value as Row) : undefined
    const copy = rightId === id ? (right.value as Row) : undefined
    if (held !== undefined) {
      legacyRows++
      if (touched.has(id)) images.legacy.set(id, { value: held.text, rest: held.ref })
      left = await ours.next()
    }
    if (copy !== undefined) {
      targetRows++
      if (touched.has(id)) images.target.set(id, { value: copy.text, rest: copy.ref })
      right = await theirs.next()
    }
    if (held === undefined) resurrected.push(`key ${id}: ${copy?.text}`)
    else if (copy === undefined) missing.push(`key ${id}: ${held.text}`)
    else if (revision(copy) < revision(held)) overwritten.push(`key ${id}: ${copy.text} over ${held.text}`)
    else if (copy.text !== held.text || copy.ref !== held.ref)
      different.push(`key ${id}: ${copy.text}, not ${held.text}`)
  }

  const isOfHistory = (key: number): boolean => key > 0 && key <= lastKey && key % STEP === 0
  const before = Array.from(touched)
    .filter(isOfHistory)
    .map((key): Write => ({ key, value: FIRST_VALUE, begun: 1n, acknowledged: 2n, buried: undefined }))
  // Both images are legacy's: how the target differs is said above.
  const { lost } = judgeWrites([...before, ...writes], images.legacy, images.legacy)
  const changed = Array.from(images.legacy).filter(([key, { rest }]) => rest !== refOf(key))

  const twice = await textsOf(target, 'select ref as text from items group by ref having count(*) > 1')
  const older = await textsOf(target, "select concat('key ', id, ': ', became, ' over ', was) as text from seen_older")
  const back = await textsOf(target, "select concat('key ', id) as text from seen_back")
  return {
    legacyRows,
    targetRows,
    duplicates: twice,
    resurrected,
    overwritten: [...overwritten, ...older],
    missing,
    different,
    lost: [...lost, ...changed.map(([key]) => `key ${key}: its reference has changed`)],
    backForAMoment: back.length,
  }
}

function revision({ text }: Row): bigint {
  return BigInt(text.split('.')[0] ?? '')
}

async function textsOf(db: Kysely<unknown>, query: string): Promise<readonly string[]> {
  const { rows } = await sql<{ text: string }>`${sql.raw(query)}`.execute(db)
  return rows.map(({ text }) => text)
}
