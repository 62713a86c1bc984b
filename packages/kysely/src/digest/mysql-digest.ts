import type { Digest } from '@twinspan/core'
import { type RawBuilder, sql } from 'kysely'
import type { Int64 } from '../own-tables.ts'
import type { DigestEngine, DigestRequest } from './engine.ts'
import { mysqlField, mysqlForms } from './mysql-forms.ts'

/** How many bytes of rows the server may put together, where its `max_allowed_packet` allows for it. */
export const MOST_BYTES = 67_108_864

// For this statement alone: MariaDB reads the first, MySQL the second. The default of 1 kB cuts off without a word.
export const groupConcatLimit: RawBuilder<unknown> =
  sql.raw(`/*M! SET STATEMENT group_concat_max_len=${MOST_BYTES} FOR */
  select /*+ SET_VAR(group_concat_max_len=${MOST_BYTES}) */`)

export const mysqlDigest: DigestEngine = {
  forms: (facts) => [...mysqlForms(facts).keys()],

  async digest({ db, table, probe, order, inOrder, fields }, conditions) {
    const source = probe === undefined ? sql.table(table) : sql`${probe} probe`
    const sorted = inOrder ? sql`` : sql`order by ${sql.join(order)}`
    const text = sql`group_concat(${rowText(fields)} ${sorted} separator '\u001e')`
    const leaves = conditions.map(
      (where, at) => sql`
        select ${sql.lit(at)} as part, count(*) as counted, ${text} as t from ${source} where ${where}`,
    )
    const { rows } = await sql<Leaf>`${groupConcatLimit} part, counted, md5(t) as digest, octet_length(t) as bytes,
      least(@@group_concat_max_len, @@max_allowed_packet) as most
      from (${sql.join(leaves, sql` union all `)}) leaves`.execute(db)
    const digests: (Digest | undefined)[] = conditions.map(() => undefined)
    for (const { part, counted, digest, bytes, most } of rows) {
      // Cut off, and cut to whole characters of up to four bytes.
      if (Number(bytes ?? 0) > Number(most) - 4) continue
      digests[Number(part)] = { rows: Number(counted), digest: digest ?? '' }
    }
    return digests
  },

  async texts({ db, table, probe, order, fields }, { where, limit: rowsAtOnce, offset }) {
    let query = (probe === undefined ? db.selectFrom(table) : db.selectFrom(probe.as('probe')))
      .where(where)
      .select(rowText(fields).as('t'))
    for (const column of order) query = query.orderBy(column)
    const rows = await query.limit(rowsAtOnce).offset(offset).execute()
    return rows.map(({ t }) => String(t))
  },
}

interface Leaf {
  readonly part: Int64
  readonly counted: Int64
  readonly digest: string | null
  readonly bytes: Int64 | null
  readonly most: Int64
}

function rowText(fields: DigestRequest['fields']): RawBuilder<string> {
  const written = fields.map(mysqlField)
  const nullable = fields.filter((field) => field.nullable)
  const nulls = nullable.map(({ name }) => sql`isnull(${sql.ref(name)})`)
  const lengths = written.filter((_, at) => fields[at]?.form === 'text').map((value) => sql`octet_length(${value})`)
  const parts = [...(nulls.length === 0 ? [] : [sql`concat(${sql.join(nulls)})`]), ...lengths, ...written]
  // Bytes, so that no character is looked at again in what is known to be UTF-8.
  return sql<string>`concat_ws(cast(x'1f' as binary), ${sql.join(parts)})`
}
