import { createHash } from 'node:crypto'
import { type Digest, type DigestColumn, type FormFailure, redact, type StoreOptions } from '@twinspan/core'
import { type SqlBool, sql } from 'kysely'
import type { TableContext } from '../table-context.ts'
import type { DigestRequest } from './engine.ts'
import { probeLiteral } from './probe-literal.ts'
import { type Probe, probesFor, probesOf } from './probes.ts'
import { type Field, ROW, rowText } from './row-text.ts'
import { readSqliteValues } from './sqlite-digest.ts'
import { fieldsOf, inForm, writtenField } from './written.ts'

const NUMBER = 'twinspan_probe'
const EVERYTHING = sql<SqlBool>`1 = 1`

/** For each field a probe, or NULL. */
type ProbeRow = readonly (Probe | null)[]

/** What is written of the probes is known beforehand, so that a side needs no other to be tried, and two that pass agree. */
export async function tryForms(
  context: TableContext,
  digest: (request: DigestRequest) => Promise<Digest>,
  columns: readonly DigestColumn[],
  options?: StoreOptions,
): Promise<readonly FormFailure[]> {
  const fields = fieldsOf(context, await context.known(options), columns)
  const failures: FormFailure[] = []
  const sound: Field[] = []
  // One query where nothing is wrong, and one for each column where something is: it may be that a query cannot be made at all.
  const areSound = await pass(context, fields, options)
  for (const field of fields) {
    const reason = areSound ? undefined : await trouble(context, field, options)
    if (reason === undefined) sound.push(field)
    else failures.push({ column: field.name, reason })
  }
  if (sound.length === 0) return failures
  const reason = await troubleOfRows(context, digest, sound, options)
  return reason === undefined ? failures : [...failures, { column: undefined, reason }]
}

async function pass(
  context: TableContext,
  fields: readonly Field[],
  options: StoreOptions | undefined,
): Promise<boolean> {
  const { engine } = context.database.dialect
  const probes = fields.map(({ form, facts }) => probesFor(form, facts, engine))
  if (probes.some(({ length }) => length === 0)) return false
  const most = Math.max(...probes.map(({ length }) => length))
  const rows = Array.from({ length: most }, (_, at): ProbeRow => probes.map((some) => some[at % some.length] ?? null))
  try {
    const found = await readProbes(context, fields, rows, options)
    return rows.every((row, at) => row.every((probe, place) => probe === null || isWritten(probe, found[at]?.[place])))
  } catch {
    return false
  }
}

/** Why a column's form cannot be trusted. */
async function trouble(
  context: TableContext,
  field: Field,
  options: StoreOptions | undefined,
): Promise<string | undefined> {
  const probes = probesFor(field.form, field.facts, context.database.dialect.engine)
  if (probes.length === 0) return `a column of type ${field.facts.type} holds nothing of the form "${field.form}"`
  try {
    const found = await readProbes(
      context,
      [field],
      probes.map((probe): ProbeRow => [probe]),
      options,
    )
    for (const [at, probe] of probes.entries()) {
      const [actual = null] = found[at] ?? []
      if (isWritten(probe, actual)) continue
      return `its form "${field.form}" writes ${JSON.stringify(actual)} instead of ${JSON.stringify(probe.written)}`
    }
    return undefined
  } catch (error) {
    return `its form "${field.form}" cannot be tried: ${redact(error)}`
  }
}

function isWritten({ written, refusable }: Probe, actual: string | null = null): boolean {
  return actual === written || (refusable === true && actual === null)
}

async function readProbes(
  context: TableContext,
  fields: readonly Field[],
  rows: readonly ProbeRow[],
  options: StoreOptions | undefined,
): Promise<readonly (readonly (string | null)[])[]> {
  const { engine } = context.database.dialect
  const { db, probe, order } = await requestOf(context, fields, rows, options)
  const query = db.selectFrom((probe ?? EVERYTHING).as('probe')).orderBy(order[0] ?? EVERYTHING)
  if (engine === 'sqlite') return (await readSqliteValues(query, fields.map(inForm))).map(({ values }) => values)
  const found = (await query
    .select(fields.map((field, at) => writtenField(engine, field).as(`w${at}`)))
    .execute()) as readonly Readonly<Record<string, string | null>>[]
  return found.map((row) => fields.map((_, at) => row[`w${at}`] ?? null))
}

/** Why rows of columns that can be trusted cannot. */
async function troubleOfRows(
  context: TableContext,
  digest: (request: DigestRequest) => Promise<Digest>,
  fields: readonly Field[],
  options: StoreOptions | undefined,
): Promise<string | undefined> {
  const probes = fields.map((field) =>
    probesOf(field, context.database.dialect.engine).filter(({ refusable }) => !refusable),
  )
  const most = Math.max(...probes.map(({ length }) => length))
  const rows = Array.from(
    { length: most + 1 },
    (_, at): ProbeRow =>
      // A pattern in which NULL meets every other value sooner or later.
      fields.map(({ nullable }, place) =>
        nullable && (at + place) % 5 === 4 ? null : (probes[place]?.[at % (probes[place]?.length ?? 1)] ?? null),
      ),
  )
  const expected = createHash('md5')
    .update(
      rows
        .map((row) =>
          rowText(
            fields,
            row.map((probe) => probe?.written ?? null),
          ),
        )
        .join(ROW),
    )
    .digest('hex')
  try {
    const found = await digest(await requestOf(context, fields, rows, options))
    return found.digest === expected ? undefined : 'the digest of probe rows is not what it should be'
  } catch (error) {
    return `no digest of probe rows can be made: ${redact(error)}`
  }
}

async function requestOf(
  context: TableContext,
  fields: readonly Field[],
  rows: readonly ProbeRow[],
  options: StoreOptions | undefined,
): Promise<DigestRequest> {
  const { engine } = context.database.dialect
  const { key } = await context.known(options)
  const selects = rows.map((row, at) => {
    const values = fields.map(
      ({ name, form, facts }, place) =>
        sql`${probeLiteral(engine, form, facts, row[place]?.given ?? null)} as ${sql.ref(name)}`,
    )
    return sql`select ${sql.lit(at)} as ${sql.ref(NUMBER)}, ${sql.join(values)}`
  })
  return {
    db: context.connection(options),
    table: context.name,
    probe: sql`(${sql.join(selects, sql` union all `)})`,
    key,
    order: [sql.ref(NUMBER)],
    inOrder: false,
    fields,
  }
}
