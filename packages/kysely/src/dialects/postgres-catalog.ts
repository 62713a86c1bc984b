import { type Kysely, sql } from 'kysely'
import type { ColumnFacts, ColumnKind, ContendedColumn, TableFacts, TableName } from '../catalog.ts'
import { groupBy } from '../group-by.ts'
import type { OwnTables } from '../own-tables.ts'

interface ColumnRow {
  readonly name: string
  readonly type: string
  readonly base: string
  readonly not_null: boolean
  readonly has_default: boolean
  readonly identity: string
  readonly generated: string
  readonly sequence: string | null
  readonly collation: string | null
  readonly deterministic: boolean | null
  readonly database_collation: string
}

const BITS: Readonly<Record<string, number>> = { int2: 16, int4: 32, int8: 64 }

export async function describePostgres(db: Kysely<OwnTables>, table: TableName): Promise<TableFacts | undefined> {
  const qualified =
    table.schema === undefined
      ? sql`quote_ident(${table.name})`
      : sql`format('%I.%I', ${table.schema}::text, ${table.name}::text)`
  const found = await sql<{ oid: number | string; schema: string; name: string }>`
    select c.oid::text as oid, n.nspname as schema, c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.oid = to_regclass(${qualified}) and c.relkind in ('r', 'p')`.execute(db)
  const [relation] = found.rows
  if (relation === undefined) return undefined
  const columns = await sql<ColumnRow>`
    select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, coalesce(b.typname, t.typname) as base,
      a.attnotnull as not_null, a.atthasdef as has_default, a.attidentity::text as identity, a.attgenerated::text as generated,
      coalesce(pg_get_serial_sequence(format('%I.%I', ${relation.schema}::text, ${relation.name}::text), a.attname), (
        select format('%I.%I', sn.nspname, s.relname) from pg_attrdef ad
        join pg_depend p on p.classid = 'pg_attrdef'::regclass and p.objid = ad.oid and p.refclassid = 'pg_class'::regclass
        join pg_class s on s.oid = p.refobjid and s.relkind = 'S' join pg_namespace sn on sn.oid = s.relnamespace
        where ad.adrelid = a.attrelid and ad.adnum = a.attnum limit 1
      )) as sequence,
      o.collname as collation, o.collisdeterministic as deterministic, d.datcollate as database_collation
    from pg_attribute a join pg_type t on t.oid = a.atttypid left join pg_type b on b.oid = nullif(t.typbasetype, 0)
      left join pg_collation o on o.oid = a.attcollation, pg_database d
    where a.attrelid = ${relation.oid}::oid and a.attnum > 0 and not a.attisdropped and d.datname = current_database()
    order by a.attnum`.execute(db)
  const indexes = await sql<{ index: string; is_primary: boolean; column: string }>`
    select i.indexrelid::text as index, i.indisprimary as is_primary, a.attname as column
    from pg_index i, unnest(i.indkey::int2[]) with ordinality as k(attnum, position), pg_attribute a
    where i.indrelid = ${relation.oid}::oid and i.indisunique and i.indisvalid and i.indimmediate and i.indpred is null
      and i.indexprs is null and k.position <= i.indnkeyatts and a.attrelid = i.indrelid and a.attnum = k.attnum
    order by i.indisprimary desc, i.indexrelid, k.position`.execute(db)
  const byIndex = [...groupBy(indexes.rows, ({ index }) => index).values()]
  const primary = byIndex.find((rows) => rows[0]?.is_primary)
  return {
    schema: relation.schema,
    name: relation.name,
    primaryKey: primary?.map(({ column }) => column) ?? [],
    uniques: byIndex.map((rows) => rows.map(({ column }) => column)),
    columns: columns.rows.map(columnFacts),
  }
}

export async function contendedPostgres(
  db: Kysely<OwnTables>,
  { schema, name }: TableFacts,
): Promise<readonly ContendedColumn[]> {
  // An index on an expression names its columns only in what it depends on.
  const { rows } = await sql<ContendedColumn>`
    select a.attname as name, not a.attnotnull as nullable, exists (
      select 1 from pg_constraint f where f.contype = 'f' and f.confrelid = a.attrelid and a.attnum = any(f.confkey)
    ) as referenced, exists (
      select 1 from pg_constraint f where f.contype = 'f' and f.conrelid = a.attrelid and a.attnum = any(f.conkey)
    ) as "references"
    from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = ${schema} and c.relname = ${name} and a.attnum > 0 and not a.attisdropped and exists (
      select 1 from pg_index i where i.indrelid = a.attrelid and (i.indisunique or i.indisexclusion) and (
        a.attnum = any(i.indkey::int2[]) or exists (
          select 1 from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = i.indexrelid
            and d.refclassid = 'pg_class'::regclass and d.refobjid = a.attrelid and d.refobjsubid = a.attnum
        )
      )
    )`.execute(db)
  return rows
}

function columnFacts(row: ColumnRow): ColumnFacts {
  const kind = kindOf(row.base)
  const collation = row.collation === 'default' ? row.database_collation : row.collation
  const bits = BITS[row.base]
  return {
    name: row.name,
    type: row.type,
    kind,
    ...(bits === undefined ? {} : { bits }),
    json: row.base === 'json' || row.base === 'jsonb',
    nullable: !row.not_null,
    required: row.not_null && !row.has_default && row.identity === '',
    writable: row.generated === '',
    insist: row.identity === 'a',
    generator: row.sequence ?? undefined,
    byteOrder: collation === 'C' || collation === 'POSIX' || collation === 'ucs_basic',
    byteEquality: row.base !== 'citext' && row.deterministic !== false,
  }
}

function kindOf(base: string): ColumnKind {
  if (base in BITS) return 'integer'
  if (base === 'numeric') return 'decimal'
  if (base === 'uuid') return 'uuid'
  return ['text', 'varchar', 'bpchar', 'name', 'citext'].includes(base) ? 'text' : 'other'
}
