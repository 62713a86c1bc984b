import { type RawBuilder, sql } from 'kysely'
import type { Int64 } from '../own-tables.ts'
import type { DigestEngine, DigestRequest } from './engine.ts'
import { mysqlForms } from './mysql-forms.ts'

/** How many bytes of rows the server may put together, where its `max_allowed_packet` allows for it. */
const MOST_BYTES = 67_108_864

// For this statement alone: MariaDB reads the first, MySQL the second. The default of 1 kB cuts off without a word.
const limit = sql.raw(`/*M! SET STATEMENT group_concat_max_len=${MOST_BYTES} FOR */
  select /*+ SET_VAR(group_concat_max_len=${MOST_BYTES}) */`)

export const mysqlDigest: DigestEngine = {
  forms: (facts) => [...mysqlForms(facts).keys()],

  async digest({ db, table, where, order, inOrder, fields }) {
    const sorted = inOrder ? sql`` : sql`order by ${sql.join(order)}`
    const { rows } = await sql<{ counted: Int64; digest: string | null; bytes: Int64 | null; most: Int64 }>`${limit}
      counted, md5(t) as digest, octet_length(t) as bytes, least(@@group_concat_max_len, @@max_allowed_packet) as most from (
        select count(*) as counted, group_concat(${rowText(fields)} ${sorted} separator '\u001e') as t
        from ${sql.table(table)} where ${where}
      ) leaf`.execute(db)
    const [leaf] = rows
    // Cut off, and cut to whole characters of up to four bytes.
    if (leaf === undefined || Number(leaf.bytes ?? 0) > Number(leaf.most) - 4) return undefined
    return { rows: Number(leaf.counted), digest: leaf.digest ?? '' }
  },

  async texts({ db, table, where, order, fields }, page) {
    let query = db.selectFrom(table).where(where).select(rowText(fields).as('t'))
    for (const column of order) query = query.orderBy(column)
    const rows = await query.limit(page.limit).offset(page.offset).execute()
    return rows.map(({ t }) => t)
  },
}

function rowText(fields: DigestRequest['fields']): RawBuilder<string> {
  const written = fields.map(({ name, form, facts }) => mysqlForms(facts).get(form)?.(sql.ref(name)) ?? sql``)
  const nullable = fields.filter((field) => field.nullable)
  const nulls = nullable.map(({ name }) => sql`isnull(${sql.ref(name)})`)
  const lengths = written.filter((_, at) => fields[at]?.form === 'text').map((value) => sql`octet_length(${value})`)
  const parts = [...(nulls.length === 0 ? [] : [sql`concat(${sql.join(nulls)})`]), ...lengths, ...written]
  return sql<string>`concat_ws(_utf8mb4 x'1f', ${sql.join(parts)})`
}
