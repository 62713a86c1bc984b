import type { CanonicalForm, Digest, Stretch } from '@twinspan/core'
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

  async digest(request, stretches) {
    const { rows = { short: 0, long: 0 } } = request
    const size = sizeOf(request.fields)
    if (size.each > SHORT_BYTES || rows.long > rows.short + FEW) return longDigests(request, size, stretches)
    const digests = [...(await shortDigests(request, size, stretches))]
    const missing = digests.flatMap((digest, at) => (digest === undefined ? [at] : []))
    rows.long += missing.length
    rows.short += digests.length - missing.length
    if (missing.length === 0) return digests
    const made = await longDigests(
      request,
      size,
      missing.map((at) => stretches[at] as Stretch),
    )
    for (const [place, at] of missing.entries()) digests[at] = made[place]
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
  /** Of what has no bounds of its own: of all rows together, or of the longest. */
  readonly bytes: Int64 | null
  readonly most: Int64
}

/** Rows up to this length are put together in memory; for longer ones the server makes a file, however few there are. */
const SHORT_BYTES = 512
/** Stretches with a longer row, over those without, from which on rows are not taken for short any more. */
const FEW = 8

/** `undefined` for stretches with a longer row. */
async function shortDigests(
  request: DigestRequest,
  { each, variable }: RowSize,
  stretches: readonly Stretch[],
): Promise<Digests> {
  const text = sql`left(${rowText(request.fields)}, ${sql.lit(SHORT_BYTES)})`
  return digestsOf(request, stretches, text, sql`max(${variable})`, ({ counted, bytes, most }) => {
    const isCut = Number(bytes ?? 0) + each > SHORT_BYTES
    return isCut || Number(counted) * (SHORT_BYTES + SEPARATOR_BYTES) > Number(most) - 4
  })
}

/** `undefined` for stretches that are more than the server puts together. */
async function longDigests(
  request: DigestRequest,
  { each, variable }: RowSize,
  stretches: readonly Stretch[],
): Promise<Digests> {
  const text = rowText(request.fields)
  // Cut off, and cut to whole characters of up to four bytes.
  return digestsOf(
    request,
    stretches,
    text,
    sql`sum(${variable})`,
    ({ counted, bytes, most }) => Number(bytes ?? 0) + Number(counted) * each > Number(most) - 4,
  )
}

type Digests = readonly (Digest | undefined)[]

/** How many bytes a row's text may take: of what has bounds, and of the rest as the server counts it. */
interface RowSize {
  readonly each: number
  readonly variable: RawBuilder<unknown>
}

async function digestsOf(
  { db, table, probe, key, order, inOrder }: DigestRequest,
  stretches: readonly Stretch[],
  text: RawBuilder<unknown>,
  bytes: RawBuilder<unknown>,
  isCut: (leaf: Leaf) => boolean,
): Promise<Digests> {
  const source = probe === undefined ? sql.table(table) : sql`${probe} probe`
  const sorted = inOrder ? sql`` : sql`order by ${sql.join(order)}`
  const leaves = stretches.map(
    (stretch, at) => sql`
      select ${sql.lit(at)} as part, count(*) as counted, md5(group_concat(${text} ${sorted} separator '\u001e')) as digest,
        ${bytes} as bytes
      from ${source} where ${within({ key }, stretch)}`,
  )
  const { rows } = await sql<Leaf>`${groupConcatLimit} leaves.*,
    least(@@group_concat_max_len, @@max_allowed_packet) as most
    from (${sql.join(leaves, sql` union all `)}) leaves`.execute(db)
  const digests: (Digest | undefined)[] = stretches.map(() => undefined)
  for (const leaf of rows) {
    if (isCut(leaf)) continue
    digests[Number(leaf.part)] = { rows: Number(leaf.counted), digest: leaf.digest ?? '' }
  }
  return digests
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
function sizeOf(fields: DigestRequest['fields']): RowSize {
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
