import { type Digest, TwinspanError } from '@twinspan/core'
import { type RawBuilder, type SqlBool, sql } from 'kysely'
import type { Int64 } from '../own-tables.ts'
import type { DigestEngine, DigestRequest } from './engine.ts'
import { postgresField, postgresForms } from './postgres-forms.ts'

/** Whether dates and doubles are written in this session as the forms promise. */
const session = sql<boolean>`current_setting('DateStyle') like 'ISO%'
  and current_setting('extra_float_digits')::int > 0 and current_setting('server_encoding') = 'UTF8'`

export const postgresDigest: DigestEngine = {
  forms: (facts) => [...postgresForms(facts).keys()],

  async digest(request, conditions) {
    const { rows } = await sql<{ part: number; counted: Int64; digest: string | null; session: boolean }>`${sql.join(
      conditions.map(
        (where, at) => sql`
        select ${sql.lit(at)} as part, count(*) as counted, md5(string_agg(t, e'\\x1e')) as digest, ${session} as session
        from ${texts(request, where)} leaf`,
      ),
      sql` union all `,
    )}`.execute(request.db)
    assertSession(rows.every((row) => row.session))
    const digests: (Digest | undefined)[] = conditions.map(() => undefined)
    for (const row of rows) digests[row.part] = { rows: Number(row.counted), digest: row.digest ?? '' }
    return digests
  },

  async digestFirst(request, where, limit, key) {
    const leaf = texts(request, where)
      .select([...key])
      .limit(limit)
    // A sequence of keys in the order of the rows, of which the last is taken: not every type has a `max`.
    const row = await request.db
      .selectFrom(leaf.as('leaf'))
      .select([
        sql<Int64>`count(*)`.as('counted'),
        sql<string | null>`md5(string_agg(t, e'\\x1e'))`.as('digest'),
        session.as('session'),
      ])
      .select(key.map((column) => sql`(array_agg(${sql.ref(column)}))[count(*)]`.as(column)))
      .executeTakeFirstOrThrow()
    assertSession(row.session)
    const rows = Number(row.counted)
    return { rows, digest: row.digest ?? '', last: rows < limit ? undefined : row }
  },

  async digestParts(request, where, rows, key) {
    const numbered = texts(request, where)
      .select([...key])
      .select(sql<Int64>`row_number() over (order by ${sql.join(request.order)})`.as('n'))
    const parts = await request.db
      .selectFrom(numbered.as('leaf'))
      .select([
        sql<Int64>`count(*)`.as('counted'),
        sql<string>`md5(string_agg(t, e'\\x1e'))`.as('digest'),
        session.as('session'),
      ])
      .select(key.map((column) => sql`(array_agg(${sql.ref(column)}))[count(*)]`.as(column)))
      .groupBy(sql`(n - 1) / ${sql.lit(rows)}`)
      .orderBy(sql`(n - 1) / ${sql.lit(rows)}`)
      .execute()
    assertSession(parts.every((part) => part.session))
    return parts.map((part) => {
      const counted = Number(part.counted)
      return { rows: counted, digest: part.digest, last: counted < rows ? undefined : part }
    })
  },

  async texts(request, { where, limit, offset }) {
    const rows = await texts(request, where).select(session.as('session')).limit(limit).offset(offset).execute()
    assertSession(rows[0]?.session ?? true)
    return rows.map(({ t }) => t)
  },
}

// The order of the subquery is kept by an aggregate over it; were it not, digests would differ and rows be compared.
function texts({ db, table, probe, order, fields }: DigestRequest, where: RawBuilder<SqlBool>) {
  let query = (probe === undefined ? db.selectFrom(table) : db.selectFrom(probe.as('probe')))
    .where(where)
    .select(rowText(fields).as('t'))
  for (const column of order) query = query.orderBy(column)
  return query
}

function rowText(fields: DigestRequest['fields']): RawBuilder<string> {
  const written = fields.map(postgresField)
  const nullable = fields.filter((field) => field.nullable)
  const nulls = nullable.map(({ name }) => sql`(${sql.ref(name)} is null)::int`)
  const lengths = written.filter((_, at) => fields[at]?.form === 'text').map((value) => sql`octet_length(${value})`)
  const parts = [...(nulls.length === 0 ? [] : [sql`concat(${sql.join(nulls)})`]), ...lengths, ...written]
  return sql<string>`concat_ws(e'\\x1f', ${sql.join(parts)})`
}

function assertSession(isKnown: boolean): void {
  if (isKnown) return
  throw new TwinspanError(
    'TWINSPAN_UNSUPPORTED_ENGINE',
    "A digest needs DateStyle 'ISO', extra_float_digits above 0 and a database in UTF8; this session has others.",
  )
}
