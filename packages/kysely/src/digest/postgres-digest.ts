import { type Digest, TwinspanError } from '@twinspan/core'
import { type RawBuilder, type SqlBool, sql } from 'kysely'
import type { Int64 } from '../own-tables.ts'
import type { DigestEngine, DigestRequest } from './engine.ts'
import { postgresForms } from './postgres-forms.ts'

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

  async texts(request, { where, limit, offset }) {
    const rows = await texts(request, where).select(session.as('session')).limit(limit).offset(offset).execute()
    assertSession(rows[0]?.session ?? true)
    return rows.map(({ t }) => t)
  },
}

// The order of the subquery is kept by an aggregate over it; were it not, digests would differ and rows be compared.
function texts({ db, table, order, fields }: DigestRequest, where: RawBuilder<SqlBool>) {
  let query = db.selectFrom(table).where(where).select(rowText(fields).as('t'))
  for (const column of order) query = query.orderBy(column)
  return query
}

function rowText(fields: DigestRequest['fields']): RawBuilder<string> {
  const written = fields.map(({ name, form, facts }) => postgresForms(facts).get(form)?.(sql.ref(name)) ?? sql``)
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
