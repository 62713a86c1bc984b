import { type Digest, type Key, keyText, type Stretch, TwinspanError } from '@twinspan/core'
import { type RawBuilder, type SqlBool, sql } from 'kysely'
import type { Int64 } from '../own-tables.ts'
import type { DigestEngine, DigestRequest } from './engine.ts'
import { postgresField, postgresForms } from './postgres-forms.ts'
import { within } from './within.ts'

/** Whether dates and doubles are written in this session as the forms promise. */
const session = sql<boolean>`current_setting('DateStyle') like 'ISO%'
  and current_setting('extra_float_digits')::int > 0 and current_setting('server_encoding') = 'UTF8'`

export const postgresDigest: DigestEngine = {
  forms: (facts) => [...postgresForms(facts).keys()],

  async digest(request, stretches) {
    const { rows } = await digestsOf(request, stretches).execute(request.db)
    assertSession(rows.every((row) => row.session))
    const digests: (Digest | undefined)[] = stretches.map(() => undefined)
    for (const row of rows) digests[Number(row.part)] = { rows: Number(row.counted), digest: row.digest ?? '' }
    return digests
  },

  async texts(request, { where, limit, offset }) {
    const rows = await texts(request, where).select(session.as('session')).limit(limit).offset(offset).execute()
    assertSession(rows[0]?.session ?? true)
    return rows.map(({ t }) => t)
  },
}

interface Leaf {
  readonly part: Int64
  readonly counted: Int64
  readonly digest: string | null
  readonly session: boolean
}

const leaf = sql`count(*) as counted, md5(string_agg(t, e'\\x1e')) as digest, ${session} as session`

function digestsOf(request: DigestRequest, stretches: readonly Stretch[]): RawBuilder<Leaf> {
  const bounds = boundsOf(stretches)
  if (bounds.length > 2) return digestsOfMany(request, bounds)
  const each = stretches.map(
    (stretch, at) => sql`
      select ${sql.lit(at)} as part, ${leaf} from ${texts(request, within(request, stretch))} leaf`,
  )
  return sql`${sql.join(each, sql` union all `)}`
}

/** The keys between which the stretches lie, one after the other; none where they do not. */
function boundsOf(stretches: readonly Stretch[]): readonly Key[] {
  const [first] = stretches
  const bounds = first?.after === undefined ? [] : [first.after]
  for (const { after, through } of stretches) {
    const last = bounds.at(-1)
    if (after === undefined || through === undefined || last === undefined || keyText(after) !== keyText(last))
      return []
    bounds.push(through)
  }
  return bounds
}

/** One plan for all stretches, in place of one for each. */
function digestsOfMany(request: DigestRequest, bounds: readonly Key[]): RawBuilder<Leaf> {
  const { key } = request
  const columnsOf = (end: string) => Array.from({ length: key.arity }, (_, at) => sql.ref(`twinspan_${end}_${at}`))
  const [after, through] = [columnsOf('after'), columnsOf('through')]
  const typed = bounds.map((bound) => key.typed(bound))
  const ends = typed.slice(1).map((end, at) => sql`(${sql.join([sql.lit(at), ...(typed[at] ?? []), ...end])})`)
  // What the ends of one stretch say in a column, the planner cannot see: the ends of all tell it how few rows there are.
  const whole = within(request, { after: bounds[0] as Key, through: bounds.at(-1) as Key })
  const where = sql<SqlBool>`${key.isAfterThose(after)} and ${key.isThroughThose(through)} and ${whole}`
  return sql`
    select part, leaf.* from (values ${sql.join(ends)}) twinspan_ends(part, ${sql.join([...after, ...through])})
    cross join lateral (select ${leaf} from ${texts(request, where)} leaf) leaf`
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
  const parts = [...(nulls.length > 1 ? [sql`concat(${sql.join(nulls)})`] : nulls), ...lengths, ...written]
  return sql<string>`concat_ws(e'\\x1f', ${sql.join(parts)})`
}

function assertSession(isKnown: boolean): void {
  if (isKnown) return
  throw new TwinspanError(
    'TWINSPAN_UNSUPPORTED_ENGINE',
    "A digest needs DateStyle 'ISO', extra_float_digits above 0 and a database in UTF8; this session has others.",
  )
}
