import { type Kysely, sql } from 'kysely'
import type { ColumnFacts, ColumnKind, ContendedColumn, TableFacts, TableName } from '../catalog.ts'
import { groupBy } from '../group-by.ts'
import type { OwnTables } from '../own-tables.ts'

interface ColumnRow {
  readonly name: string
  readonly type: string
  readonly data_type: string
  readonly nullable: string
  readonly fallback: unknown
  readonly extra: string
  readonly collation: string | null
}

export async function describeMysql(db: Kysely<OwnTables>, table: TableName): Promise<TableFacts | undefined> {
  const schema = table.schema === undefined ? sql`database()` : sql`${table.schema}`
  const found = await sql<{ schema_name: string; name: string }>`
    select table_schema as schema_name, table_name as name from information_schema.tables
    where table_schema = ${schema} and table_name = ${table.name} and table_type = 'BASE TABLE'`.execute(db)
  const [relation] = found.rows
  if (relation === undefined) return undefined
  const columns = await sql<ColumnRow>`
    select column_name as name, column_type as type, data_type as data_type, is_nullable as nullable,
      column_default as fallback, extra as extra, collation_name as collation
    from information_schema.columns
    where table_schema = ${relation.schema_name} and table_name = ${relation.name} order by ordinal_position`.execute(
    db,
  )
  const indexes = await sql<{ index_name: string; name: string | null; part: number | null }>`
    select index_name as index_name, column_name as name, sub_part as part from information_schema.statistics
    where table_schema = ${relation.schema_name} and table_name = ${relation.name} and non_unique = 0
    order by index_name = 'PRIMARY' desc, index_name, seq_in_index`.execute(db)
  // An index on an expression or on a prefix does not make the column unique.
  const whole = [...groupBy(indexes.rows, (row) => row.index_name)].filter(([, rows]) =>
    rows.every(({ name, part }) => name !== null && part === null),
  )
  const uniques = whole.map(([name, rows]) => ({ name, columns: rows.map((row) => row.name ?? '') }))
  return {
    schema: relation.schema_name,
    name: relation.name,
    primaryKey: uniques.find(({ name }) => name === 'PRIMARY')?.columns ?? [],
    uniques: uniques.map((unique) => unique.columns),
    columns: columns.rows.map(columnFacts),
  }
}

export async function contendedMysql(
  db: Kysely<OwnTables>,
  { schema, name }: TableFacts,
): Promise<readonly ContendedColumn[]> {
  const { rows } = await sql<{
    name: string
    nullable: string
    referenced: number | string
    refers: number | string
  }>`
    select c.column_name as name, c.is_nullable as nullable, exists (
      select 1 from information_schema.key_column_usage k
      where k.referenced_table_schema = c.table_schema and k.referenced_table_name = c.table_name
        and k.referenced_column_name = c.column_name
    ) as referenced, exists (
      select 1 from information_schema.key_column_usage k
      where k.table_schema = c.table_schema and k.table_name = c.table_name and k.column_name = c.column_name
        and k.referenced_table_name is not null
    ) as refers
    from information_schema.columns c
    where c.table_schema = ${schema} and c.table_name = ${name} and exists (
      select 1 from information_schema.statistics s
      where s.table_schema = c.table_schema and s.table_name = c.table_name and s.column_name = c.column_name
        and s.non_unique = 0
    )`.execute(db)
  return rows.map((row) => ({
    name: row.name,
    nullable: row.nullable === 'YES',
    referenced: Number(row.referenced) === 1,
    references: Number(row.refers) === 1,
  }))
}

function columnFacts(row: ColumnRow): ColumnFacts {
  const kind = kindOf(row.data_type.toLowerCase())
  const generated = /generated/i.test(row.extra.replaceAll(/default_generated/gi, ''))
  return {
    name: row.name,
    type: row.type,
    kind,
    json: row.data_type.toLowerCase() === 'json',
    nullable: row.nullable === 'YES',
    invisible: /\binvisible\b/i.test(row.extra),
    required: row.nullable === 'NO' && row.fallback === null && !generated && !/auto_increment/i.test(row.extra),
    writable: !generated,
    insist: false,
    generator: /auto_increment/i.test(row.extra) ? 'auto_increment' : undefined,
    utf8: row.collation !== null && /^(utf8|ascii)/.test(row.collation),
    byteOrder: row.collation?.endsWith('_bin') ?? false,
    // A comparison that pads with spaces calls 'a' and 'a ' equal, also by a binary collation.
    byteEquality: row.collation === 'utf8mb4_0900_bin' || (row.collation?.includes('_nopad_bin') ?? false),
  }
}

const INTEGERS = ['tinyint', 'smallint', 'mediumint', 'int', 'bigint']
const TEXTS = ['char', 'varchar', 'tinytext', 'text', 'mediumtext', 'longtext', 'enum']

function kindOf(type: string): ColumnKind {
  if (INTEGERS.includes(type)) return 'integer'
  if (TEXTS.includes(type)) return 'text'
  if (type === 'decimal') return 'decimal'
  return type === 'uuid' ? 'uuid' : 'other'
}
