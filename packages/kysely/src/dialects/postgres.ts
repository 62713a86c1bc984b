import { type SqlBool, sql } from 'kysely'
import type { Dialect } from '../dialect.ts'
import { journalIndex } from '../journal-index.ts'
import { lockStripes } from '../stripes.ts'
import { amongArray, rowsAsArrays } from './postgres-arrays.ts'
import { contendedPostgres, describePostgres } from './postgres-catalog.ts'
import { FENCE_LOCKS, fenceLock } from './postgres-fence.ts'
import { marksCall, marksFunction } from './postgres-marks.ts'
import { deniedSequence, postgresCapture, postgresFreeze } from './postgres-triggers.ts'
import { tellingSleepers } from './postgres-wake.ts'

/** Below this many pages a table is counted, above it the planner's figure will do. */
const CHEAP_PAGES = 8_000

/** PostgreSQL, and PGlite, which is PostgreSQL with one connection. */
export const postgres: Dialect = {
  engine: 'postgres',
  maxParameters: 30_000,
  now: sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`,
  isolation: 'read committed',
  snapshotIsolation: 'repeatable read',
  comparesTuples: true,
  onConflict: true,
  writesInWith: true,
  typeOf: (column) => (column === 'integer' ? 'bigint' : column === 'key' ? sql`text collate "C"` : 'text'),
  identity: (column) => column.generatedAlwaysAsIdentity(),
  tableOptions: undefined,
  indexJournal: (db) => journalIndex(db).ifNotExists().execute(),
  forUpdate: sql`for update`,

  byPrimaryKey: (column) => sql.ref(column),
  async byIndexOnly(db) {
    await sql`select set_config('enable_seqscan', 'off', true)`.execute(db)
  },
  // The planner takes half of the rows for a boolean that it knows nothing of.
  opaque: (condition) => sql<SqlBool>`case when ${condition} then true else false end`,
  trouble(error) {
    const code = (error as { code?: unknown }).code
    // lock_not_available; query_canceled by statement_timeout; ended while idle in the transaction.
    if (code === '55P03' || code === '57014' || code === '25P03') return 'lock-timeout'
    if (code === '40P01') return 'deadlock'
    return code === '23505' ? 'unique' : 'other'
  },

  limitSession: async () => async () => {},
  async begin(db, _scope, timeoutMs) {
    const limit = String(Math.max(1, Math.ceil(timeoutMs)))
    // `transaction_timeout` exists from PostgreSQL 17 on: only settings that the server knows are set.
    await sql`select set_config('lock_timeout', ${limit}, true), set_config('statement_timeout', ${limit}, true),
      set_config('idle_in_transaction_session_timeout', ${limit}, true),
      case when current_setting('transaction_timeout', true) is not null
        then set_config('transaction_timeout', ${limit}, true) end`.execute(db)
  },
  async markCopy(db, { migration }) {
    await sql`select set_config('twinspan.copying', ${migration}, true)`.execute(db)
  },
  unmarkCopy: async () => {},

  async holdFence(db, scope, mode) {
    // An advisory lock queues fairly; sharers of a row lock would pass a waiting exclusive one for ever. Whoever reads
    // the row afterwards, in a statement of its own, sees what the last holder committed.
    const lock = mode === 'shared' ? sql`pg_advisory_xact_lock_shared` : sql`pg_advisory_xact_lock`
    await sql`select ${lock}(${sql.lit(FENCE_LOCKS)}, ${sql.lit(fenceLock(scope))})`.execute(db)
  },
  fenceGuard: (scope) => ({
    condition: sql<boolean>`(select pg_advisory_xact_lock_shared(${sql.lit(FENCE_LOCKS)}, ${sql.lit(fenceLock(scope))})) is not null`,
    // The statement's snapshot is older than the lock: `for share` reads the row again, as it is now.
    suffix: sql`for share of fence`,
  }),
  marks: { create: marksFunction, call: marksCall },
  async tellSleepers(db, scope) {
    await sql.raw(tellingSleepers(scope)).execute(db)
  },
  lockStripes,

  describe: describePostgres,
  contended: contendedPostgres,
  encode(value, column) {
    // pg would send a JavaScript array as a PostgreSQL array. A string is JSON text already, as Kysely's types have it.
    if (column.json && value !== null && typeof value !== 'string') return JSON.stringify(value)
    return value
  },
  bytes: (text) => sql`${text} collate "C"`,
  ordered: (column, { kind, byteOrder }) => (kind === 'text' && !byteOrder ? sql`${column} collate "C"` : column),
  amongArray,
  rowsAsArrays,
  tuples: (tuples) => sql`(${sql.join(tuples)})`,

  async estimate(db, { schema, name }) {
    const { rows } = await sql<{ pages: string | number; tuples: number }>`
      select pg_relation_size(c.oid) / 8192 as pages, c.reltuples as tuples
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = ${schema} and c.relname = ${name}`.execute(db)
    const [size] = rows
    // -1: never analysed.
    if (size === undefined || Number(size.pages) < CHEAP_PAGES || size.tuples < 0) return undefined
    return Math.round(size.tuples)
  },
  async nextIdentity(db, _table, { generator = '' }) {
    const { rows } = await sql<{ last: string | number; called: boolean; step: string | number }>`
      select s.last_value as last, s.is_called as called, p.seqincrement as step
      from ${sql.raw(generator)} s, pg_sequence p where p.seqrelid = ${generator}::regclass`.execute(db)
    const [state] = rows
    if (state === undefined) return 1n
    return state.called ? BigInt(state.last) + BigInt(state.step) : BigInt(state.last)
  },
  async moveIdentity(db, _table, { generator = '' }, next) {
    // Only where it really moves: set to what was read, it could step back behind a value drawn meanwhile.
    await sql`select setval(${generator}::regclass, ${String(next)}::bigint, false)
      from ${sql.raw(generator)} where last_value + is_called::int < ${String(next)}::bigint`.execute(db)
  },

  async surroundings(db, schema) {
    if (schema !== undefined) return { schema, counts: true }
    const { rows } = await sql<{ name: string }>`
      select n.nspname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.oid = to_regclass('twinspan_journal')`.execute(db)
    return { schema: rows[0]?.name, counts: true }
  },
  captureTriggers: postgresCapture,
  freezeTriggers: postgresFreeze,
  async installedTriggers(db, { schema, name }) {
    const { rows } = await sql<{ name: string; source: string; enabled: string }>`
      select t.tgname as name, p.prosrc as source, t.tgenabled::text as enabled
      from pg_trigger t join pg_proc p on p.oid = t.tgfoid
        join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = ${schema} and c.relname = ${name} and not t.tgisinternal and t.tgname like 'twinspan!_%' escape '!'`.execute(
      db,
    )
    return new Map(rows.map((row) => [row.name, row.enabled === 'A' ? row.source : 'not enabled always']))
  },
  async deniedWrites(db, scope, { schema = '' }) {
    const name = deniedSequence(scope)
    // The sequence exists from the first freeze on.
    const { rows } = await sql<{ last: string | number | null }>`
      select last_value as last from pg_sequences where schemaname = ${schema} and sequencename = ${name}`.execute(db)
    return Number(rows[0]?.last ?? 0)
  },
  async runDdl(db, statements) {
    await db.transaction().execute(async (transaction) => {
      await sql`select set_config('lock_timeout', '500', true)`.execute(transaction)
      for (const statement of statements) await sql.raw(statement).execute(transaction)
    })
  },
}
