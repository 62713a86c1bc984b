import type { Journal, JournalRow, ParkedRow } from '@twinspan/core'
import { type ExpressionBuilder, type ExpressionWrapper, type Kysely, type RawBuilder, type SqlBool, sql } from 'kysely'
import { createChanges } from './changes.ts'
import { chunks } from './chunks.ts'
import { createCompact } from './compact.ts'
import type { Database } from './database.ts'
import type { Scope } from './dialect.ts'
import { groupBy } from './group-by.ts'
import { insertMarks } from './insert-marks.ts'
import type { Int64, OwnTables } from './own-tables.ts'

type Where = (
  eb: ExpressionBuilder<OwnTables, 'twinspan_journal'>,
) => ExpressionWrapper<OwnTables, 'twinspan_journal', SqlBool>

/** From how many rows on a transaction of their own, in which the planner is told what to do, is worth its round trips. */
const MANY = 100

/** `intents`: whether calls in flight count as dirty. */
export function createJournal(database: Database, scope: Scope, intents: boolean): Journal {
  const { own, ownIn, dialect, ref } = database
  const { migration, side } = scope
  const { now, byPrimaryKey } = dialect
  const { log, note } = createChanges(database, scope)
  const idsAtOnce = Math.min(dialect.maxParameters / 2, 5_000)
  const mine: Where = (eb) => eb.and({ migration, side }) as never
  const opaque = dialect.opaque ?? ((condition: RawBuilder<SqlBool>) => condition)
  const ofThisScope = sql<SqlBool>`${byPrimaryKey('migration')} = ${migration} and ${byPrimaryKey('side')} = ${side}`
  const mineByPrimaryKey = opaque(ofThisScope)
  const due = opaque(sql<SqlBool>`${ofThisScope} and parked = 0 and due_at <= ${now}`)

  function select(where: Where) {
    return own.selectFrom('twinspan_journal').where((eb) => eb.and([mine(eb), where(eb)]))
  }

  /** A column among many values, by one parameter where the engine can. */
  function among(column: 'id' | 'key_text', values: readonly unknown[]): RawBuilder<SqlBool> {
    const ref = sql.ref(column)
    const type = column === 'id' ? 'bigint' : 'text'
    return dialect.amongArray?.(ref, values, { type }) ?? sql<SqlBool>`${ref} in (${sql.join(values)})`
  }

  /** One statement that names so many rows that the planner might look at all of them. */
  async function byIndex(work: (db: Kysely<OwnTables>) => Promise<unknown>): Promise<void> {
    await own.transaction().execute(async (transaction) => {
      await dialect.byIndexOnly?.(transaction)
      await work(transaction)
    })
  }

  /** Every row of these keys. */
  async function rowsOf(entity: string, keys: readonly string[]): Promise<readonly FoundRow[]> {
    const mineOf = (key: RawBuilder<unknown>) =>
      sql`select id, entity, key_text, attempts from ${ref('twinspan_journal')}
        where migration = ${migration} and side = ${side} and entity = ${entity} and key_text ${key}`
    // Key by key: for a thousand at once the planner would rather read the whole journal.
    const query =
      dialect.marks === undefined
        ? sql<FoundRow>`${mineOf(sql`in (${sql.join(keys)})`)} order by id`
        : sql<FoundRow>`select found.* from unnest(${keys}::text[]) asked(key)
            cross join lateral (${mineOf(sql`= asked.key`)} offset 0) found order by id`
    return (await query.execute(own)).rows
  }

  function intended(entity: string, keys: readonly string[]) {
    return own
      .selectFrom('twinspan_intent')
      .where((eb) => eb.and({ migration, side, entity, known: 1 }))
      .where('key_text', 'in', keys)
      .select('key_text')
  }

  async function hasMarksOrIntents(entity: string): Promise<boolean> {
    const oneOf = (table: 'twinspan_journal' | 'twinspan_intent') =>
      sql`exists (select 1 from ${ref(table)} where migration = ${migration} and side = ${side} and entity = ${entity})`
    const { rows } = await sql<{ dirty: Int64 }>`
      select case when ${oneOf('twinspan_journal')} or ${oneOf('twinspan_intent')} then 1 else 0 end as dirty`.execute(
      own,
    )
    return Number(rows[0]?.dirty) === 1
  }

  /** A figure over the calls in flight, beside those over the journal. */
  const ofIntents = <T>(figure: ReturnType<typeof sql<T>>) =>
    sql<T>`(select ${figure} from ${ref('twinspan_intent')} where migration = ${migration} and side = ${side})`

  return {
    async mark(marks, options) {
      const db = options?.transaction === undefined ? own : ownIn(options.transaction)
      await insertMarks(database, db, scope, marks)
    },

    async read({ limit }) {
      // Two plain statements: planners take the journal's size for the number of due keys and join the wrong way round.
      const found = await own
        .selectFrom('twinspan_journal')
        .select(['entity', 'key_text'])
        .where(due)
        .orderBy('id')
        .limit(limit)
        .execute()
      const rows: JournalRow[] = []
      for (const [entity, some] of groupBy(found, (row) => row.entity)) {
        const keys = new Set(some.map(({ key_text }) => key_text))
        for (const asked of chunks([...keys], idsAtOnce)) {
          const same = await rowsOf(entity, asked)
          rows.push(...same.filter(({ key_text }) => keys.has(key_text)).map(journalRow))
        }
      }
      return rows.sort((a, b) => (BigInt(a.id) < BigInt(b.id) ? -1 : 1))
    },

    async remove(ids) {
      for (const some of chunks(ids, idsAtOnce)) {
        const these = among('id', some)
        const removal = own.deleteFrom('twinspan_journal').where(mineByPrimaryKey).where(these)
        if (dialect.writesInWith) {
          const both = sql`with noted as (${note(these)}) ${removal}`
          await (some.length < MANY ? both.execute(own) : byIndex((db) => both.execute(db)))
          continue
        }
        // First: what is noted and not removed is looked at once too often, and the other way round never again.
        await note(these).execute(own)
        await removal.execute()
      }
    },

    changes: log,

    async dirty(entity, keys) {
      const found = new Set<string>()
      for (const some of chunks(keys, idsAtOnce)) {
        const marked = select((eb) => eb.and([eb('entity', '=', entity), eb('key_text', 'in', some)]))
          .select('key_text')
          .distinct()
        // One statement, hence one moment: a call that ends in between leaves its mark where it was looked for already.
        const rows = await (intents ? marked.union(intended(entity, some)) : marked).execute()
        for (const { key_text } of rows) found.add(key_text)
      }
      // An engine that ignores trailing spaces finds more than was asked for.
      return new Set(keys.filter((key) => found.has(key)))
    },

    async hasDirty(entity) {
      if (intents) return hasMarksOrIntents(entity)
      const row = await select((eb) => eb('entity', '=', entity))
        .select('id')
        .limit(1)
        .executeTakeFirst()
      return row !== undefined
    },

    async defer(ids, { delayMs, error }) {
      for (const some of chunks(ids, idsAtOnce)) {
        await own
          .updateTable('twinspan_journal')
          .set({ attempts: sql`attempts + 1`, due_at: sql`${now} + ${sql.lit(Math.round(delayMs))}`, error })
          .where(mineByPrimaryKey)
          .where(among('id', some))
          .execute()
      }
    },

    async park(ids, { error }) {
      for (const some of chunks(ids, idsAtOnce)) {
        await own
          .updateTable('twinspan_journal')
          .set({ attempts: sql`attempts + 1`, parked: 1, error })
          .where(mineByPrimaryKey)
          .where(among('id', some))
          .execute()
      }
    },

    async parked({ limit }) {
      const rows = await select((eb) => eb('parked', '=', 1))
        .select(['id', 'entity', 'key_text', 'attempts', 'error'])
        .orderBy('id')
        .limit(limit)
        .execute()
      return rows.map((row): ParkedRow => ({ ...journalRow(row), error: row.error ?? '' }))
    },

    async retry(entity) {
      const { numUpdatedRows } = await own
        .updateTable('twinspan_journal')
        .set({ attempts: 0, due_at: 0, parked: 0 })
        .where(mine)
        .where('attempts', '>', 0)
        .$if(entity !== undefined, (query) => query.where('entity', '=', entity ?? ''))
        .executeTakeFirstOrThrow()
      return Number(numUpdatedRows)
    },

    compact: createCompact(database, scope),

    async stats() {
      const row = await select((eb) => eb.and([]))
        .select([
          sql<Int64>`count(*)`.as('depth'),
          sql<Int64 | null>`sum(parked)`.as('parked'),
          sql<Int64 | null>`${now} - min(case when parked = 0 then marked_at end)`.as('age'),
          (intents ? ofIntents(sql<Int64>`count(*)`) : sql<Int64>`0`).as('calls'),
          (intents ? ofIntents(sql<Int64 | null>`${now} - min(begun_at)`) : sql<Int64 | null>`null`).as('calls_age'),
        ])
        .executeTakeFirstOrThrow()
      return {
        depth: Number(row.depth) + Number(row.calls),
        parked: Number(row.parked ?? 0),
        oldestAgeMs: Math.max(0, Number(row.age ?? 0), Number(row.calls_age ?? 0)),
      }
    },
  }
}

interface FoundRow {
  readonly id: Int64
  readonly entity: string
  readonly key_text: string
  readonly attempts: Int64
}

function journalRow(row: FoundRow): JournalRow {
  return { id: String(row.id), entity: row.entity, key: row.key_text, attempts: Number(row.attempts) }
}
