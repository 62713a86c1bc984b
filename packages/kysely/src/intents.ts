import { type EndedCall, type Intents, type LostCall, StalePhaseError } from '@twinspan/core'
import { type Kysely, type SqlBool, sql } from 'kysely'
import { accepting } from './accepting.ts'
import { chunks } from './chunks.ts'
import type { Database } from './database.ts'
import type { Scope } from './dialect.ts'
import { insertMarks } from './insert-marks.ts'
import type { OwnTables } from './own-tables.ts'
import { transact } from './transact.ts'

const TIMEOUT_MS = 5_000

/** Rows and calls that one statement names. */
const AT_ONCE = 1_000

/** The terms that SQLite takes in one `union all`. */
const KEYS_AT_ONCE = 400

export function createIntents(database: Database, scope: Scope): Intents {
  const { own, ownIn, dialect, ref } = database
  const { migration, side } = scope
  const { now } = dialect
  const mine = sql<SqlBool>`migration = ${migration} and side = ${side}`
  const accepts = accepting(database, scope)

  async function record(
    db: Kysely<OwnTables>,
    { call, entity }: { readonly call: string; readonly entity: string },
    rows: readonly { readonly place: number; readonly key: string; readonly known: 0 | 1 }[],
    holdMs: number,
  ): Promise<void> {
    const intended = sql.join(
      rows.map(
        ({ place, key, known }) =>
          sql`select ${key} as key_text, ${sql.lit(place)} as place, ${sql.lit(known)} as known`,
      ),
      sql` union all `,
    )
    const { numAffectedRows } = await sql`
      insert into ${ref('twinspan_intent')}
        (migration, side, call_id, place, entity, key_text, known, quarantined, held_until, begun_at)
      select fence.migration, fence.side, ${call}, intended.place, ${entity}, intended.key_text, intended.known, 0,
        ${now} + ${sql.lit(Math.round(holdMs))}, ${now}
      from ${ref('twinspan_fence')} fence cross join (${intended}) intended
      where ${accepts.condition} ${accepts.suffix}`.execute(db)
    if (numAffectedRows !== BigInt(rows.length)) throw new StalePhaseError(side, 'it does not take primary writes')
  }

  /** The shortest transaction there is. Under REPEATABLE READ, a delete of MySQL's would keep the next intents out of the gap. */
  function inTransaction<T>(work: (db: Kysely<OwnTables>) => Promise<T>): Promise<T> {
    const builder = own.transaction()
    return (dialect.isolation === undefined ? builder : builder.setIsolationLevel(dialect.isolation)).execute(work)
  }

  async function mark(db: Kysely<OwnTables>, calls: readonly Pick<EndedCall, 'entity' | 'keys'>[]): Promise<void> {
    const marks = calls.flatMap(({ entity, keys }) => keys.map((key) => ({ entity, key })))
    await insertMarks(database, db, scope, marks)
    if (marks.length > 0) await dialect.tellSleepers?.(db, scope)
  }

  async function hold(
    db: Kysely<OwnTables>,
    calls: readonly string[],
    ms: number,
    quarantined: 0 | 1,
    expired?: true,
  ): Promise<void> {
    for (const some of chunks(calls, AT_ONCE)) {
      await db
        .updateTable('twinspan_intent')
        .set({ held_until: sql`${now} + ${sql.lit(Math.round(ms))}`, quarantined })
        .where(mine)
        .where('call_id', 'in', some)
        .$if(expired === true, (query) => query.where('held_until', '<=', now))
        .execute()
    }
  }

  async function forget(db: Kysely<OwnTables>, calls: readonly string[]): Promise<void> {
    for (const some of chunks(calls, AT_ONCE)) {
      await db.deleteFrom('twinspan_intent').where(mine).where('call_id', 'in', some).execute()
    }
  }

  return {
    async begin({ call, entity, keys }, { holdMs }) {
      const rows = [...new Set(keys)].map((key, place) => ({ place, key, known: 1 as const }))
      if (rows.length === 0) return record(own, { call, entity }, [{ place: 0, key: '', known: 0 }], holdMs)
      if (rows.length <= KEYS_AT_ONCE) return record(own, { call, entity }, rows, holdMs)
      await inTransaction(async (db) => {
        for (const some of chunks(rows, KEYS_AT_ONCE)) await record(db, { call, entity }, some, holdMs)
      })
    },

    extend: (calls, { holdMs }) => hold(own, calls, holdMs, 0),

    async end(calls) {
      if (calls.length === 0) return
      await inTransaction(async (db) => {
        await mark(db, calls)
        await forget(
          db,
          calls.filter(({ quarantineMs }) => quarantineMs === undefined).map(({ call }) => call),
        )
        for (const { call, quarantineMs } of calls) {
          if (quarantineMs !== undefined) await hold(db, [call], quarantineMs, 1)
        }
      })
    },

    async reap({ quarantineMs }) {
      const expired = await own
        .selectFrom('twinspan_intent')
        .select('call_id')
        .where(mine)
        .where('held_until', '<=', now)
        .limit(1)
        .executeTakeFirst()
      if (expired === undefined) return []
      return transact(database, { what: `The end of calls on ${side}`, timeoutMs: TIMEOUT_MS }, async (transaction) => {
        const db = ownIn(transaction)
        await dialect.begin(db, scope, TIMEOUT_MS)
        // Locked, and looked at once more: another process may have seen to them meanwhile.
        const rows = await db
          .selectFrom('twinspan_intent')
          .select(['call_id', 'entity', 'key_text', 'known', 'quarantined'])
          .where(mine)
          .where('held_until', '<=', now)
          .orderBy('call_id')
          .orderBy('place')
          .limit(AT_ONCE)
          .modifyEnd(dialect.forUpdate)
          .execute()
        const known = rows.filter((row) => Number(row.known) === 1)
        const callsOf = (some: typeof rows): string[] => [...new Set(some.map((row) => row.call_id))]
        await mark(
          db,
          known.map((row) => ({ entity: row.entity, keys: [row.key_text] })),
        )
        await forget(db, callsOf(known.filter((row) => Number(row.quarantined) === 1)))
        await hold(db, callsOf(rows.filter((row) => Number(row.quarantined) === 0)), quarantineMs, 1, true)
        return rows
          .filter((row) => Number(row.known) === 0 && Number(row.quarantined) === 1)
          .map((row): LostCall => ({ call: row.call_id, entity: row.entity }))
      })
    },
  }
}
