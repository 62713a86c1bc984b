import type { CanonicalForm, Digest } from '@twinspan/core'
import { type RawBuilder, sql } from 'kysely'
import type { Int64 } from '../own-tables.ts'
import type { DigestEngine, DigestRequest } from './engine.ts'
import { mysqlField, mysqlForms } from './mysql-forms.ts'
import { within } from './within.ts'

/** How many bytes of rows the server may put together, where its `max_allowed_packet` allows for it. */
export const MOST_BYTES = 67_108_864

// For this statement alone: MariaDB reads the first, MySQL the second. The default of 1 kB cuts off without a word.
export const groupConcatLimit: RawBuilder<unknown> =
  sql.raw(`/*M! SET STATEMENT group_concat_max_len=${MOST_BYTES} FOR */
  select /*+ SET_VAR(group_concat_max_len=${MOST_BYTES}) */`)

export const mysqlDigest: DigestEngine = {
  forms: (facts) => [...mysqlForms(facts).keys()],

  async digest({ db, table, probe, key, order, inOrder, fields }, stretches) {
    const source = probe === undefined ? sql.table(table) : sql`${probe} probe`
    const sorted = inOrder ? sql`` : sql`order by ${sql.join(order)}`
    const text = sql`group_concat(${rowText(fields)} ${sorted} separator '\u001e')`
    const { each, variable } = sizeOf(fields)
    const leaves = stretches.map(
      (stretch, at) => sql`
        select ${sql.lit(at)} as part, count(*) as counted, md5(${text}) as digest, sum(${variable}) as bytes
        from ${source} where ${within({ key }, stretch)}`,
    )
    const { rows } = await sql<Leaf>`${groupConcatLimit} leaves.*,
      least(@@group_concat_max_len, @@max_allowed_packet) as most
      from (${sql.join(leaves, sql` union all `)}) leaves`.execute(db)
    const digests: (Digest | undefined)[] = stretches.map(() => undefined)
    for (const { part, counted, digest, bytes, most } of rows) {
      // Cut off, and cut to whole characters of up to four bytes.
      if (Number(bytes ?? 0) + Number(counted) * each > Number(most) - 4) continue
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
  /** Of what has no bounds of its own. */
  readonly bytes: Int64 | null
  readonly most: Int64
}

/** The most bytes that a value takes, of a form that has a bound. */
const MOST_BYTES_OF: Readonly<Partial<Record<CanonicalForm, number>>> = {
  integer: 20,
  decimal: 67,
  double: 25,
  date: 10,
  time: 17,
  datetime: 26,
  instant: 26,
}
/** The most bytes that the others make of a byte of theirs. */
const BYTES_PER_BYTE: Readonly<Partial<Record<CanonicalForm, number>>> = { text: 4, bytes: 2, uuid: 4 }
/** Of a number that tells how long a text is, and of a separator. */
const LENGTH_BYTES = 10
const SEPARATOR_BYTES = 1

/**
 * How long a row's text may be: so many bytes of each, and those that the server counts. To ask it for the length of all texts together
 * would have it write them down once more.
 */
function sizeOf(fields: DigestRequest['fields']): { readonly each: number; readonly variable: RawBuilder<unknown> } {
  // As a double, because whole numbers are added as decimals.
  const variable = [sql`0e0`]
  let each = SEPARATOR_BYTES
  for (const { name, form, facts, nullable } of fields) {
    const most = MOST_BYTES_OF[form]
    const factor = form === 'text' && facts.utf8 === true ? 1 : (BYTES_PER_BYTE[form] ?? 4)
    if (most === undefined) variable.push(sql`${sql.lit(factor)} * ifnull(octet_length(${sql.ref(name)}), 0)`)
    each += (most ?? 0) + SEPARATOR_BYTES + (nullable ? 1 : 0)
    if (form === 'text') each += LENGTH_BYTES + SEPARATOR_BYTES
  }
  return { each, variable: sql.join(variable, sql` + `) }
}

function rowText(fields: DigestRequest['fields']): RawBuilder<string> {
  const written = fields.map(mysqlField)
  const nullable = fields.filter((field) => field.nullable)
  const nulls = nullable.map(({ name }) => sql`isnull(${sql.ref(name)})`)
  const lengths = written.filter((_, at) => fields[at]?.form === 'text').map((value) => sql`octet_length(${value})`)
  const parts = [...(nulls.length > 1 ? [sql`concat(${sql.join(nulls)})`] : nulls), ...lengths, ...written]
  // Bytes, so that no character is looked at again in what is known to be UTF-8.
  return sql<string>`concat_ws(cast(x'1f' as binary), ${sql.join(parts)})`
}
