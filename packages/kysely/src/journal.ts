import type { Journal, JournalRow, ParkedRow } from '@twinspan/core'
import { type ExpressionBuilder, type ExpressionWrapper, type SqlBool, sql } from 'kysely'
import { chunks } from './chunks.ts'
import type { Database } from './database.ts'
import type { Scope } from './dialect.ts'
import type { Int64, OwnTables } from './own-tables.ts'

type Where = (
  eb: ExpressionBuilder<OwnTables, 'twinspan_journal'>,
) => ExpressionWrapper<OwnTables, 'twinspan_journal', SqlBool>

export function createJournal({ own, ownIn, dialect, ref }: Database, scope: Scope): Journal {
  const { migration, side } = scope
  const { now } = dialect
  // Each marked row carries six parameters of its own, each id one.
  const marksAtOnce = dialect.maxParameters / 6
  const idsAtOnce = Math.min(dialect.maxParameters / 2, 5_000)
  const mine: Where = (eb) => eb.and({ migration, side }) as never

  function select(where: Where) {
    return own.selectFrom('twinspan_journal').where((eb) => eb.and([mine(eb), where(eb)]))
  }

  return {
    async mark(marks, options) {
      const db = options?.transaction === undefined ? own : ownIn(options.transaction)
      for (const some of chunks(marks, marksAtOnce)) {
        const rows = some.map(({ entity, key }) => ({
          migration,
          side,
          entity,
          key_text: key,
          attempts: 0,
          due_at: 0,
          parked: 0,
          marked_at: now,
        }))
        await db
          .insertInto('twinspan_journal')
          .values(rows as never)
          .execute()
      }
    },

    async read({ limit }) {
      const { rows } = await sql<{ id: Int64; entity: string; key_text: string; attempts: number | string }>`
        select j.id, j.entity, j.key_text, j.attempts
        from ${ref('twinspan_journal')} j
        join (
          select distinct entity, key_text from (
            select entity, key_text from ${ref('twinspan_journal')}
            where migration = ${migration} and side = ${side} and parked = 0 and due_at <= ${now}
            order by id limit ${sql.lit(limit)}
          ) due
        ) k on k.entity = j.entity and k.key_text = j.key_text
        where j.migration = ${migration} and j.side = ${side}
        order by j.id`.execute(own)
      return rows.map(journalRow)
    },

    async remove(ids) {
      for (const some of chunks(ids, idsAtOnce)) {
        await own.deleteFrom('twinspan_journal').where(mine).where('id', 'in', some).execute()
      }
    },

    async dirty(entity, keys) {
      const found = new Set<string>()
      for (const some of chunks(keys, idsAtOnce)) {
        const rows = await select((eb) => eb.and([eb('entity', '=', entity), eb('key_text', 'in', some)]))
          .select('key_text')
          .distinct()
          .execute()
        for (const { key_text } of rows) found.add(key_text)
      }
      // An engine that ignores trailing spaces finds more than was asked for.
      return new Set(keys.filter((key) => found.has(key)))
    },

    async hasDirty(entity) {
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
          .where(mine)
          .where('id', 'in', some)
          .execute()
      }
    },

    async park(ids, { error }) {
      for (const some of chunks(ids, idsAtOnce)) {
        await own
          .updateTable('twinspan_journal')
          .set({ attempts: sql`attempts + 1`, parked: 1, error })
          .where(mine)
          .where('id', 'in', some)
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

    async stats() {
      const row = await select((eb) => eb.and([]))
        .select([
          sql<Int64>`count(*)`.as('depth'),
          sql<Int64 | null>`sum(parked)`.as('parked'),
          sql<Int64 | null>`${now} - min(case when parked = 0 then marked_at end)`.as('age'),
        ])
        .executeTakeFirstOrThrow()
      return {
        depth: Number(row.depth),
        parked: Number(row.parked ?? 0),
        oldestAgeMs: Math.max(0, Number(row.age ?? 0)),
      }
    },
  }
}

function journalRow(row: { id: Int64; entity: string; key_text: string; attempts: Int64 }): JournalRow {
  return { id: String(row.id), entity: row.entity, key: row.key_text, attempts: Number(row.attempts) }
}
