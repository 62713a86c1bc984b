import { InvalidOptionError } from '@twinspan/core'
import { type Kysely, sql } from 'kysely'
import type { ColumnFacts, ColumnKind, ContendedColumn, TableFacts, TableName } from '../catalog.ts'
import type { Dialect } from '../dialect.ts'
import { groupBy } from '../group-by.ts'
import { journalIndex } from '../journal-index.ts'
import type { OwnTables } from '../own-tables.ts'
import { sqliteCapture, sqliteFreeze } from './sqlite-triggers.ts'

/** SQLite: one writer at a time, so that whoever has begun to write holds every lock there is. */
export const sqlite: Dialect = {
  engine: 'sqlite',
  maxParameters: 30_000,
  now: sql<number>`cast((julianday('now') - 2440587.5) * 86400000 as integer)`,
  isolation: undefined,
  snapshotIsolation: undefined,
  comparesTuples: true,
  onConflict: true,
  writesInWith: false,
  typeOf: (column) => (column === 'integer' ? 'integer' : 'text'),
  // Without `autoincrement` a removed row's id is given to the next one, and a mirror would remove a mark it never saw.
  identity: (column) => column.autoIncrement(),
  tableOptions: undefined,
  indexJournal: (db) => journalIndex(db).ifNotExists().execute(),
  forUpdate: sql``,

  byPrimaryKey: (column) => sql`+${sql.ref(column)}`,
  trouble(error) {
    const { code, message = '' } = error as { code?: unknown; message?: string }
    const name = typeof code === 'string' ? code : ''
    if (/^SQLITE_(BUSY|LOCKED)/.test(name) || message.includes('database is locked')) return 'busy'
    if (/^SQLITE_CONSTRAINT_(UNIQUE|PRIMARYKEY|ROWID)/.test(name) || message.includes('UNIQUE constraint failed'))
      return 'unique'
    return 'other'
  },

  limitSession: async () => async () => {},
  async begin(db) {
    // Kysely begins deferred. A statement that may write takes the write lock before anything is read, whether it finds
    // a row or not; a transaction that read first could not become the writer any more.
    await db.deleteFrom('twinspan_copying').where('migration', '=', '').execute()
  },
  async markCopy(db, { migration }) {
    await db.insertInto('twinspan_copying').values({ migration, connection: 0 }).execute()
  },
  async unmarkCopy(db, { migration }) {
    await db.deleteFrom('twinspan_copying').where('migration', '=', migration).execute()
  },

  holdFence: async () => {},
  fenceGuard: () => ({ condition: sql<boolean>`1 = 1`, suffix: sql`` }),
  marks: undefined,
  lockStripes: async (_db, _scope, stripes) => stripes,

  describe,
  contended,
  encode,
  bytes: (text) => sql`${text} collate binary`,
  ordered: (column, { kind }) => (kind === 'text' ? sql`${column} collate binary` : column),
  tuples: (tuples) => sql`(values ${sql.join(tuples)})`,

  estimate: async () => undefined,
  async nextIdentity(db, { name }, column) {
    const { rows } = await sql<{ next: bigint | number | null }>`
      select max(coalesce((select seq from sqlite_sequence where name = ${name}), 0),
                 coalesce((select max(${sql.ref(column.name)}) from ${sql.table(name)}), 0)) + 1 as next`.execute(db)
    return BigInt(rows[0]?.next ?? 1)
  },
  async moveIdentity(db, { name }, _column, next) {
    await sql`update sqlite_sequence set seq = ${next - 1n} where name = ${name} and seq < ${next - 1n}`.execute(db)
    await sql`insert into sqlite_sequence (name, seq) select ${name}, ${next - 1n}
      where not exists (select 1 from sqlite_sequence where name = ${name})`.execute(db)
  },

  surroundings: async () => ({ schema: undefined, counts: false }),
  captureTriggers: sqliteCapture,
  freezeTriggers: sqliteFreeze,
  async installedTriggers(db, { name }) {
    const { rows } = await sql<{ name: string; sql: string }>`
      select name, sql from sqlite_master
      where type = 'trigger' and tbl_name = ${name} collate nocase and name like 'twinspan!_%' escape '!'`.execute(db)
    return new Map(rows.map((row) => [row.name, row.sql]))
  },
  deniedWrites: async () => null,
  async runDdl(db, statements) {
    await db.transaction().execute(async (transaction) => {
      for (const statement of statements) await sql.raw(statement).execute(transaction)
    })
  },
}

async function describe(db: Kysely<OwnTables>, { name }: TableName): Promise<TableFacts | undefined> {
  const table = await sql`select 1 from sqlite_master
    where type = 'table' and name = ${name} collate nocase`.execute(db)
  if (table.rows.length === 0) return undefined
  const columns = await sql<{
    name: string
    type: string
    notnull: number
    dflt_value: unknown
    pk: number
    hidden: number
  }>`
    select name, type, "notnull", dflt_value, pk, hidden from pragma_table_xinfo(${name}) order by cid`.execute(db)
  const counter = await sql`select 1 from sqlite_master
    where type = 'table' and name = ${name} collate nocase and sql like '%autoincrement%'`.execute(db)
  const indexes = await sql<{ index_name: string; partial: number; name: string | null; coll: string | null }>`
    select l.name as index_name, l.partial, i.name, i.coll
    from pragma_index_list(${name}) l, pragma_index_xinfo(l.name) i
    where l."unique" = 1 and i.key = 1
    order by l.seq, i.seqno`.execute(db)
  const primaryKey = columns.rows
    .filter(({ pk }) => pk > 0)
    .sort((a, b) => a.pk - b.pk)
    .map((column) => column.name)
  const collations = new Map(indexes.rows.filter((row) => Number(row.partial) === 0).map((row) => [row.name, row.coll]))
  // An index on an expression has no column to go by.
  const byIndex = [...groupBy(indexes.rows, (row) => row.index_name).values()].filter((rows) =>
    rows.every((row) => row.name !== null),
  )
  const columnsOf = (rows: readonly (typeof indexes.rows)[number][]): string[] => rows.map((row) => row.name ?? '')
  const uniques = byIndex.filter((rows) => rows.every((row) => Number(row.partial) === 0)).map(columnsOf)
  const withKey = (some: readonly string[][]): readonly string[][] =>
    primaryKey.length === 0 ? some : [primaryKey, ...some]
  return {
    schema: undefined,
    name,
    primaryKey,
    uniques: withKey(uniques),
    replaceable: withKey(byIndex.map(columnsOf)),
    columns: columns.rows.map((column): ColumnFacts => {
      const kind = kindOf(column.type)
      const binary = (collations.get(column.name) ?? 'BINARY').toUpperCase() === 'BINARY'
      // The alias of the rowid fills itself.
      const generates = primaryKey.length === 1 && column.pk === 1 && column.type.toUpperCase() === 'INTEGER'
      return {
        name: column.name,
        type: column.type,
        kind,
        ...(kind === 'integer' ? { bits: 64 } : {}),
        json: /json/i.test(column.type),
        nullable: column.notnull === 0,
        required: column.notnull === 1 && column.dflt_value === null && !generates,
        writable: column.hidden === 0,
        insist: false,
        generator: generates && counter.rows.length > 0 ? 'autoincrement' : undefined,
        byteOrder: binary,
        byteEquality: binary,
      }
    }),
  }
}

async function contended(db: Kysely<OwnTables>, { name }: TableFacts): Promise<readonly ContendedColumn[]> {
  // What an expression is made of is only in the statement that made the index. A column too many does no harm.
  const { rows } = await sql<{ name: string; nullable: number; referenced: number; refers: number }>`
    select c.name, c."notnull" = 0 as nullable, exists (
      select 1 from sqlite_master t, pragma_foreign_key_list(t.name) f
      where t.type = 'table' and f."table" = ${name} collate nocase and f."to" = c.name collate nocase
    ) as referenced, exists (
      select 1 from pragma_foreign_key_list(${name}) f where f."from" = c.name collate nocase
    ) as refers
    from pragma_table_xinfo(${name}) c
    where exists (
      select 1 from pragma_index_list(${name}) l, pragma_index_xinfo(l.name) i
      where l."unique" = 1 and i.key = 1 and i.name = c.name
    ) or exists (
      select 1 from pragma_index_list(${name}) l join sqlite_master m on m.type = 'index' and m.name = l.name
      where l."unique" = 1 and instr(lower(m.sql), lower(c.name)) > 0
    )`.execute(db)
  return rows.map((row) => ({
    name: row.name,
    nullable: Number(row.nullable) === 1,
    referenced: Number(row.referenced) === 1,
    references: Number(row.refers) === 1,
  }))
}

/** SQLite's own rules of affinity, in their order. */
function kindOf(type: string): ColumnKind {
  if (/int/i.test(type)) return 'integer'
  if (/char|clob|text/i.test(type)) return 'text'
  if (/real|floa|doub/i.test(type)) return 'other'
  return 'any'
}

function encode(value: unknown, column: ColumnFacts, table: string): unknown {
  if (typeof value === 'boolean') return value ? 1 : 0
  if (value instanceof Date) {
    // Seconds, milliseconds or Julian days: a number column does not say which.
    if (/int|real|floa|doub|numeric|decimal/i.test(column.type)) {
      throw new InvalidOptionError(
        `${table}.${column.name}`,
        value,
        'a number: how a Date becomes one is for the translation to say',
      )
    }
    return value.toISOString()
  }
  if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) return JSON.stringify(value)
  return value
}
