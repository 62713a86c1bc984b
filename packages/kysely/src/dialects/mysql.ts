import { type RawBuilder, sql } from 'kysely'
import type { ColumnFacts, TableName } from '../catalog.ts'
import type { Dialect } from '../dialect.ts'
import { lockStripes } from '../stripes.ts'
import { contendedMysql, describeMysql } from './mysql-catalog.ts'
import { deniedSequence, mysqlCapture, mysqlFreeze } from './mysql-triggers.ts'

/** Below this many bytes of data a table is counted, above it InnoDB's estimate will do. */
const CHEAP_BYTES = 64 * 1024 * 1024

const CONNECTION = sql<number>`connection_id()`

/** MySQL from 8.0 on, and MariaDB from 10.6 on. */
export const mysql: Dialect = {
  engine: 'mysql',
  maxParameters: 30_000,
  now: sql<number>`(timestampdiff(microsecond, '1970-01-01', utc_timestamp(3)) div 1000)`,
  isolation: 'read committed',
  snapshotIsolation: 'repeatable read',
  comparesTuples: false,
  onConflict: false,
  writesInWith: false,
  typeOf: (column) => {
    if (column === 'integer') return 'bigint'
    if (column === 'name') return 'varchar(120)'
    return column === 'key' ? 'varchar(4000)' : sql`longtext`
  },
  identity: (column) => column.autoIncrement(),
  tableOptions: sql`engine = InnoDB default character set utf8mb4 collate utf8mb4_bin`,
  forUpdate: sql`for update`,
  async indexJournal(db) {
    const { rows } = await sql`select 1 from information_schema.statistics
      where table_schema = database() and table_name = 'twinspan_journal' and index_name = 'twinspan_journal_key'`.execute(
      db,
    )
    if (rows.length > 0) return
    await sql`create index twinspan_journal_key on twinspan_journal (migration, side, entity, key_text(190))`.execute(
      db,
    )
  },

  byPrimaryKey: (column) => sql.ref(column),
  trouble(error) {
    const { errno } = error as { errno?: unknown }
    // lock wait timeout; lock wait or statement interrupted; NOWAIT refused.
    if (errno === 1205 || errno === 1317 || errno === 1969 || errno === 3572) return 'lock-timeout'
    if (errno === 1213) return 'deadlock'
    return errno === 1062 ? 'unique' : 'other'
  },

  async limitSession(db, timeoutMs) {
    const { rows } = await sql<{ locks: number | string; idle: number | string }>`
      select @@innodb_lock_wait_timeout as locks, @@wait_timeout as idle`.execute(db)
    const [before] = rows
    // A session that is idle for so long is ended, and its transaction with it. Both are counted in seconds.
    const seconds = Math.max(1, Math.ceil(timeoutMs / 1000))
    const set = (locks: number, idle: number): Promise<unknown> =>
      sql`set session innodb_lock_wait_timeout = ${sql.lit(locks)}, session wait_timeout = ${sql.lit(idle)}`.execute(db)
    await set(seconds, seconds)
    return async () => {
      await set(Number(before?.locks ?? 50), Number(before?.idle ?? 28_800))
    }
  },
  begin: async () => {},
  async markCopy(db, { migration }) {
    await db.insertInto('twinspan_copying').values({ migration, connection: CONNECTION }).execute()
  },
  async unmarkCopy(db, { migration }) {
    await db
      .deleteFrom('twinspan_copying')
      .where('migration', '=', migration)
      .where('connection', '=', CONNECTION)
      .execute()
  },

  async holdFence(db, { migration, side }, mode) {
    await db
      .selectFrom('twinspan_fence')
      .select('revision')
      .where('migration', '=', migration)
      .where('side', '=', side)
      .modifyEnd(mode === 'shared' ? sql`lock in share mode` : sql`for update`)
      .execute()
  },
  fenceGuard: () => ({ condition: sql<boolean>`1 = 1`, suffix: sql`lock in share mode` }),
  marks: undefined,
  lockStripes,

  describe: describeMysql,
  contended: contendedMysql,
  encode,
  bytes: (text) => sql`cast(convert(${text} using utf8mb4) as binary)`,
  ordered: (column, { kind, byteOrder }) =>
    kind === 'text' && !byteOrder ? sql`cast(convert(${column} using utf8mb4) as binary)` : column,
  tuples: (tuples) => sql`(${sql.join(tuples)})`,

  async estimate(db, { schema, name }) {
    const { rows } = await sql<{ bytes: number | string | null; estimated: number | string | null }>`
      select data_length as bytes, table_rows as estimated from information_schema.tables
      where table_schema = ${schema} and table_name = ${name}`.execute(db)
    const [size] = rows
    if (size === undefined || Number(size.bytes ?? 0) < CHEAP_BYTES || size.estimated === null) return undefined
    return Number(size.estimated)
  },
  async nextIdentity(db, table) {
    const { rows } = await sql<Record<string, string>>`show create table ${qualified(table)}`.execute(db)
    // The dictionary caches its figure, the statement does not; it names none while the figure is 1.
    const statement = Object.values(rows[0] ?? {})[1]
    return BigInt(/\bAUTO_INCREMENT=(\d+)/.exec(statement ?? '')?.[1] ?? 1)
  },
  async moveIdentity(db, table, column, next) {
    // InnoDB ignores a figure that is not beyond the largest key; what is beyond it must not be taken back.
    if ((await mysql.nextIdentity(db, table, column)) >= next) return
    // While the change waits for a transaction that reads the table, everybody else waits behind it.
    await mysql.runDdl(db, [sql`alter table ${qualified(table)} auto_increment = ${sql.lit(next)}`.compile(db).sql])
  },

  async surroundings(db, schema) {
    const { rows } = await sql<{
      name: string | null
      version: string
    }>`select ${schema === undefined ? sql`database()` : sql`${schema}`} as name, version() as version`.execute(db)
    // MariaDB has sequences, and what they gave out survives a rollback.
    return { schema: rows[0]?.name ?? undefined, counts: /mariadb/i.test(rows[0]?.version ?? '') }
  },
  captureTriggers: mysqlCapture,
  freezeTriggers: mysqlFreeze,
  async installedTriggers(db, { schema, name }) {
    const { rows } = await sql<{ name: string; statement: string }>`
      select trigger_name as name, action_statement as statement from information_schema.triggers
      where event_object_schema = ${schema} and event_object_table = ${name} and trigger_name like 'twinspan!_%' escape '!'`.execute(
      db,
    )
    return new Map(rows.map((row) => [row.name, row.statement]))
  },
  async deniedWrites(db, scope, { schema, counts }) {
    if (!counts) return null
    const sequence = { schema, name: deniedSequence(scope) }
    const { rows } = await sql`select 1 from information_schema.tables
      where table_schema = ${schema} and table_name = ${sequence.name}`.execute(db)
    // The sequence exists from the first freeze on.
    if (rows.length === 0) return 0
    const counted = await sql<{ next: number | string }>`
      select next_not_cached_value as next from ${qualified(sequence)}`.execute(db)
    return Number(counted.rows[0]?.next ?? 1) - 1
  },
  async runDdl(db, statements) {
    await db.connection().execute(async (connection) => {
      const { rows } = await sql<{
        before: number | string
      }>`select @@lock_wait_timeout as ${sql.ref('before')}`.execute(connection)
      await sql`set session lock_wait_timeout = 1`.execute(connection)
      try {
        for (const statement of statements) await sql.raw(statement).execute(connection)
      } finally {
        await sql`set session lock_wait_timeout = ${sql.lit(Number(rows[0]?.before ?? 86_400))}`.execute(connection)
      }
    })
  },
}

function encode(value: unknown, { json }: ColumnFacts): unknown {
  // The server reads a fraction in a statement as a decimal, which on its way to a double loses the last bit; text it does not.
  if (typeof value === 'number' && !json && Number.isFinite(value) && !Number.isInteger(value)) return String(value)
  // The driver spells a Date, a buffer and a boolean; an object it would spell as assignments, an array as a list.
  if (typeof value !== 'object' || value === null || value instanceof Date || ArrayBuffer.isView(value)) {
    return json && typeof value !== 'string' && value !== null && typeof value !== 'bigint'
      ? JSON.stringify(value)
      : value
  }
  return JSON.stringify(value)
}

function qualified({ schema, name }: TableName): RawBuilder<unknown> {
  return sql.table(schema === undefined ? name : `${schema}.${name}`)
}
