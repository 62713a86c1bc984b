import { InvalidKeyError, type Key, type KeyPart } from '@twinspan/core'
import { type RawBuilder, type SqlBool, sql } from 'kysely'
import type { ColumnFacts } from './catalog.ts'
import type { Dialect } from './dialect.ts'

export interface KeyColumn {
  /** The application's name of the column. */
  readonly name: string
  readonly facts: ColumnFacts
}

type Tuple = readonly unknown[]

/** The key of one table in SQL: equality by bytes, order by numbers or bytes, on every engine the same. */
export interface KeyColumns {
  readonly arity: number
  /** Binds keys as the columns take them. Keys that the columns cannot hold are left out: no row has them. */
  bind(keys: readonly Key[]): readonly Tuple[]
  isIn(tuples: readonly Tuple[]): RawBuilder<SqlBool>
  /** Rows after, or up to, a key. */
  isAfter(key: Key): RawBuilder<SqlBool>
  isThrough(key: Key): RawBuilder<SqlBool>
  /** Rows after, or up to, a key that stands in these columns of another table. */
  isAfterThose(columns: readonly RawBuilder<unknown>[]): RawBuilder<SqlBool>
  isThroughThose(columns: readonly RawBuilder<unknown>[]): RawBuilder<SqlBool>
  /** A key's values with their types, for a list of such keys. */
  typed(key: Key): readonly RawBuilder<unknown>[]
  readonly order: readonly RawBuilder<unknown>[]
}

export function createKeyColumns(dialect: Dialect, columns: readonly KeyColumn[], table: string): KeyColumns {
  const refs = columns.map(({ name }) => sql.ref(name))
  const ordered = columns.map(({ facts }, index) => dialect.ordered(refs[index] ?? sql``, facts))
  const inexact = columns.some(({ facts }) => facts.kind === 'text' && !facts.byteEquality)

  function parts(key: Key): readonly KeyPart[] {
    const tuple = Array.isArray(key) ? (key as readonly KeyPart[]) : [key as KeyPart]
    if (tuple.length !== columns.length) throw new InvalidKeyError(key, `table "${table}"`)
    return tuple
  }

  function bindPart(part: KeyPart, index: number): unknown {
    const facts = columns[index]?.facts
    return facts === undefined ? undefined : bindValue(part, facts, dialect.engine)
  }

  const list = (tuple: readonly RawBuilder<unknown>[]): RawBuilder<unknown> =>
    tuple.length === 1 ? sql`${tuple[0]}` : sql`(${sql.join(tuple)})`
  const values = (
    tuple: Tuple,
    wrap: (value: RawBuilder<unknown>, index: number) => RawBuilder<unknown>,
  ): RawBuilder<unknown> => list(tuple.map((value, index) => wrap(sql`${value}`, index)))
  const asBytes = (value: RawBuilder<unknown>, index: number): RawBuilder<unknown> =>
    columns[index]?.facts.kind === 'text' ? dialect.bytes(value) : value

  function isIn(tuples: readonly Tuple[]): RawBuilder<SqlBool> {
    const [only] = columns
    if (columns.length === 1 && only !== undefined && !inexact && refs[0] !== undefined) {
      const values = tuples.map(([value]) => value)
      const array = dialect.amongArray?.(sql`${refs[0]}`, values, only.facts)
      if (array !== undefined) return array
    }
    const among = (
      left: readonly RawBuilder<unknown>[],
      wrap: (value: RawBuilder<unknown>, index: number) => RawBuilder<unknown>,
    ) => {
      const right = tuples.map((tuple) => values(tuple, wrap))
      return sql<SqlBool>`${list(left)} in ${columns.length === 1 ? sql`(${sql.join(right)})` : dialect.tuples(right)}`
    }
    const byIndex = among(refs, (value) => value)
    // The first condition finds the rows by the index, the second leaves out those that only the collation calls equal.
    return inexact ? sql<SqlBool>`${byIndex} and ${among(refs.map(asBytes), asBytes)}` : byIndex
  }

  function boundOf(key: Key): readonly RawBuilder<unknown>[] {
    return parts(key).map((part, index) => {
      const value = bindPart(part, index)
      if (value === undefined) throw new InvalidKeyError(key, `table "${table}"`)
      return sql`${value}`
    })
  }

  function compare(values: readonly RawBuilder<unknown>[], strict: '<' | '>', inclusive: boolean): RawBuilder<SqlBool> {
    const bound = columns.map(({ facts }, index) => sql`${dialect.ordered(values[index] ?? sql`null`, facts)}`)
    const operator = sql.raw(inclusive ? `${strict}=` : strict)
    if (columns.length === 1 || dialect.comparesTuples) {
      return sql<SqlBool>`${list(ordered.map((column) => sql`${column}`))} ${operator} ${list(bound)}`
    }
    return expanded(
      ordered.map((column) => sql`${column}`),
      bound,
      strict,
      inclusive,
    )
  }

  return {
    arity: columns.length,
    bind: (keys) =>
      keys.flatMap((key) => {
        const tuple = parts(key).map(bindPart)
        return tuple.includes(undefined) ? [] : [tuple]
      }),
    isIn,
    isAfter: (key) => compare(boundOf(key), '>', false),
    isThrough: (key) => compare(boundOf(key), '<', true),
    isAfterThose: (values) => compare(values, '>', false),
    isThroughThose: (values) => compare(values, '<', true),
    typed: (key) =>
      boundOf(key).map((value, index) => sql`cast(${value} as ${sql.raw(columns[index]?.facts.type ?? 'text')})`),
    order: ordered.map((column) => sql`${column}`),
  }
}

/** `(a, b) > (x, y)` in words that a range scan understands. */
function expanded(
  columns: readonly RawBuilder<unknown>[],
  bound: readonly RawBuilder<unknown>[],
  strict: '<' | '>',
  inclusive: boolean,
): RawBuilder<SqlBool> {
  const [column, ...columnsAfter] = columns
  const [value, ...boundAfter] = bound
  const operator = sql.raw(strict)
  if (columnsAfter.length === 0) {
    return inclusive ? sql<SqlBool>`${column} ${operator}= ${value}` : sql<SqlBool>`${column} ${operator} ${value}`
  }
  const rest = expanded(columnsAfter, boundAfter, strict, inclusive)
  return sql<SqlBool>`(${column} ${operator}= ${value} and (${column} ${operator} ${value} or (${rest})))`
}

const INTEGER = /^(0|-?[1-9]\d*)$/
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** `undefined`: no row can have it. */
function bindValue(part: KeyPart, { kind, bits }: ColumnFacts, engine: Dialect['engine']): unknown {
  const text = String(part)
  if (kind === 'integer') {
    if (!INTEGER.test(text)) return undefined
    const value = BigInt(text)
    if (bits !== undefined && BigInt.asIntN(bits, value) !== value) return undefined
    // pg sends text anyway, and has no opinion about bigints that every version shares.
    return engine === 'postgres' ? text : value
  }
  if (kind === 'text') return text
  if (kind === 'uuid') return UUID.test(text) ? text : undefined
  return part
}
