import type { ChangeLog } from '@twinspan/core'
import { type RawBuilder, type SqlBool, sql } from 'kysely'
import { chunks } from './chunks.ts'
import type { Database } from './database.ts'
import type { Scope } from './dialect.ts'
import { insertAbsent } from './writes.ts'

/** The log of changes, and the statement that writes it. */
export interface Changes {
  readonly log: ChangeLog
  /** Inserts the keys of those journal rows that fulfil the condition, where their entity is watched. */
  note(where: RawBuilder<SqlBool>): RawBuilder<unknown>
}

export function createChanges(database: Database, { migration, side }: Scope): Changes {
  const { own, dialect, ref } = database
  const scope = { migration, side }
  const atOnce = Math.min(dialect.maxParameters / 4, 1_000)
  // What is hashed here is looked up by its text as well: two keys of one hash are one entry, of the later.
  const hash = dialect.engine === 'sqlite' ? sql`journal.key_text` : sql`md5(journal.key_text)`
  const latest = dialect.onConflict
    ? sql`on conflict (migration, side, entity, key_hash) do update set version = excluded.version`
    : sql`on duplicate key update version = greatest(version, values(version))`

  const ofThisScope = sql<SqlBool>`journal.migration = ${migration} and journal.side = ${side}`
  const mine = dialect.opaque?.(ofThisScope) ?? ofThisScope

  return {
    note: (where) => sql`
      insert into ${ref('twinspan_change')} (migration, side, entity, key_hash, key_text, version)
      select journal.migration, journal.side, journal.entity, ${hash}, journal.key_text, max(journal.id)
      from ${ref('twinspan_journal')} journal join ${ref('twinspan_watch')} watched
        on watched.migration = journal.migration and watched.side = journal.side and watched.entity = journal.entity
      where ${mine} and ${where}
      group by journal.migration, journal.side, journal.entity, journal.key_text
      order by 4 ${latest}`,

    log: {
      async start(entity) {
        await own
          .deleteFrom('twinspan_change')
          .where((eb) => eb.and({ ...scope, entity }))
          .execute()
        await insertAbsent(database, own, 'twinspan_watch', [{ ...scope, entity }])
      },

      async stop(entity) {
        await own
          .deleteFrom('twinspan_watch')
          .where((eb) => eb.and({ ...scope, entity }))
          .execute()
        await own
          .deleteFrom('twinspan_change')
          .where((eb) => eb.and({ ...scope, entity }))
          .execute()
      },

      async read(entity, { limit, after }) {
        let query = own
          .selectFrom('twinspan_change')
          .where((eb) => eb.and({ ...scope, entity }))
          .select(['key_text', 'version'])
          .orderBy('key_hash')
          .limit(limit)
        if (after !== undefined) {
          const { key } = after
          query = query.where('key_hash', '>', dialect.engine === 'sqlite' ? key : sql<string>`md5(${key})`)
        }
        const rows = await query.execute()
        return rows.map((row) => ({ key: row.key_text, version: String(row.version) }))
      },

      async forget(entity, changes) {
        for (const some of chunks(changes, atOnce)) {
          const seen = some.map(({ key, version }) => {
            const named = dialect.engine === 'sqlite' ? sql`${key}` : sql`md5(${key})`
            return sql<SqlBool>`(key_hash = ${named} and version = ${version})`
          })
          await own
            .deleteFrom('twinspan_change')
            .where((eb) => eb.and({ ...scope, entity }))
            .where(sql<SqlBool>`(${sql.join(seen, sql` or `)})`)
            .execute()
        }
      },
    },
  }
}
