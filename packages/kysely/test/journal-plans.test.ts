import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import { expect, it } from 'vitest'
import { postgres } from '../../../test/support/postgres.ts'
import { kyselySide, surviveLostConnections } from '../src/index.ts'

const reason = await postgres.missing()
if (reason !== undefined && process.env['CI'] === 'true') throw new Error(reason)

const ROWS = 40_000
const LIMIT = 400

/** Rows of the journal that the server has looked at so far, by whatever way. */
async function looked(db: Kysely<object>): Promise<number> {
  await sql`select pg_stat_force_next_flush()`.execute(db)
  const { rows } = await sql<{ read: string }>`
    select seq_tup_read + (select sum(idx_tup_read) from pg_stat_user_indexes i where i.relid = t.relid) as read
    from pg_stat_user_tables t where relname = 'twinspan_journal'`.execute(db)
  return Number(rows[0]?.read)
}

// A journal that grew in an outage has no statistics, or those of the time when it was empty.
it.skipIf(reason !== undefined)(
  `looks at the rows that it takes and not at the whole journal, on postgres ${reason ?? ''}`,
  async () => {
    const opened = await postgres.open<object>()
    const pool = surviveLostConnections(new pg.Pool({ connectionString: opened.url, max: 1 }))
    const db = new Kysely<object>({ dialect: new PostgresDialect({ pool }) })
    try {
      const side = kyselySide(db).bind({ migration: 'm', side: 'legacy' })
      await side.prepare()
      await sql`alter table twinspan_journal set (autovacuum_enabled = false)`.execute(db)
      await sql`insert into twinspan_journal (migration, side, entity, key_text, attempts, due_at, parked, marked_at)
        select 'm', 'legacy', 'users', n::text, 0, 0, 0, 0 from generate_series(1, ${sql.lit(ROWS)}) n`.execute(db)
      for (const analyzed of [false, true]) {
        if (analyzed) await sql`analyze twinspan_journal`.execute(db)
        const before = await looked(db)
        const rows = await side.journal.read({ limit: LIMIT })
        expect(rows).toHaveLength(LIMIT)
        await side.journal.remove(rows.map(({ id }) => id))
        expect((await looked(db)) - before).toBeLessThan(LIMIT * 10)
      }
      expect((await side.journal.stats()).depth).toBe(ROWS - 2 * LIMIT)
    } finally {
      await db.destroy()
      await opened.close()
    }
  },
)
