import type { CanonicalForm } from '@twinspan/core'
import type { ColumnFacts } from '../catalog.ts'
import { bitsOf } from './bits.ts'
import { baseType } from './forms.ts'
import type { Field } from './row-text.ts'

/** A value to try a form on. */
export interface Probe {
  /** As text that every engine reads. Bytes in hexadecimal. */
  readonly given: string
  /** What the form has to make of it. */
  readonly written: string
  /** Whether a server may refuse it by its mode: it is a date that there is none of. */
  readonly refusable?: boolean
}

const same = (...texts: readonly string[]): Probe[] => texts.map((text) => ({ given: text, written: text }))

const DOUBLES: readonly Probe[] = [
  ...same('0', '1', '-1.5', '0.1', '0.30000000000000004', '-0.0001', '123456789012345.67', '1234567890123456.8'),
  ...same('1e15', '1e100', '1.7976931348623157e308', '2.2250738585072014e-308', '9.999999999999999e-16'),
  { given: '-0', written: '0' },
  { given: '9007199254740993', written: '9.007199254740992e15' },
  { given: '0.00001', written: '0.00001' },
  { given: '-1.234e-15', written: '-0.000000000000001234' },
]

/** As doubles. */
const SINGLES: readonly Probe[] = [
  ...same('0', '1', '-2.5', '16777216'),
  { given: '0.1', written: '0.10000000149011612' },
  { given: '1e20', written: '1.0000000200408773e20' },
]

const TEXTS: readonly Probe[] = same(
  ...['', ' ', 'a', 'a ', ' a', 'A', 'ä', 'a\u0308', 'ß', '🜁', '0', 'NULL', '\\', "'", '\n', '%'],
  ...['\u001e', '\u001f', '1\u001f2', '\u001f\u001e', 'x'.repeat(300)],
)

const UUIDS: readonly Probe[] = [
  ...same('00000000-0000-0000-0000-000000000000', '0123abcd-4567-89ab-cdef-0123456789ab'),
  { given: 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', written: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11' },
]

const FRACTIONS = ['', '.5', '.123', '.123456'] as const

/** The probes that a column of this type can hold. */
export function probesFor(form: CanonicalForm, facts: ColumnFacts, engine: string): readonly Probe[] {
  const { type } = facts
  const base = baseType(type)
  switch (form) {
    case 'integer':
    case 'decimal':
      return [...numbersFor(facts, base, engine)].filter(({ given }) => form === 'decimal' || !given.includes('.'))
    case 'double':
      if (/^(float|real)\b/.test(base) && engine !== 'sqlite') return SINGLES
      // `double(10,2)` rounds.
      if (/\(/.test(type)) return same('0', '1', '-1')
      return engine === 'postgres' ? [...DOUBLES, ...same('NaN', 'Infinity', '-Infinity')] : DOUBLES
    case 'text':
      return TEXTS.filter(
        ({ given }) => given.length <= (sizeOf(type) ?? 1_000) && (base !== 'char' || !given.endsWith(' ')),
      ).filter(({ given }) => !/^(character|name)$/.test(base) || (!given.endsWith(' ') && given.length < 60))
    case 'uuid':
      return base === 'binary' && sizeOf(type) !== 16 ? [] : UUIDS.filter(() => (sizeOf(type) ?? 36) >= 16)
    case 'bytes': {
      const size = base === 'binary' ? (sizeOf(type) ?? 1) : undefined
      if (size !== undefined) return same('00'.repeat(size), 'ff'.repeat(size), '1f'.repeat(size))
      return same('', '00', 'ff', '1e1f00', 'e4').filter(({ given }) => given.length / 2 <= (sizeOf(type) ?? 1_000))
    }
    case 'date':
      return [...same('1970-01-01', '2024-02-29', '9999-12-31'), ...noDate(engine, '0000-00-00')]
    case 'time':
      return same(...momentsOf(facts, engine, ['00:00:00', '12:34:56', '23:59:59']))
    case 'datetime':
      return [
        ...same(...momentsOf(facts, engine, ['1970-01-01 00:00:00', '2024-02-29 12:34:56', '9999-12-31 00:00:00'])),
        ...noDate(engine, '0000-00-00 00:00:00'),
      ]
    case 'instant':
      return same(...momentsOf(facts, engine, ['1970-01-02 00:00:00', '2024-07-01 12:34:56', '2037-12-31 23:59:59']))
  }
}

/** As they come out of a digest. */
export function probesOf({ form, facts, scale, bits }: Field, engine: string): readonly Probe[] {
  const probes = probesFor(form, facts, engine)
  if (bits === true) return probes.map((probe) => ({ ...probe, written: bitsOf(Number(probe.written)) }))
  return scale === undefined ? probes : probes.map((probe) => ({ ...probe, written: spelledOut(probe.written, scale) }))
}

/** `1.5` with two digits after the point: `1.50` */
function spelledOut(digits: string, scale: number): string {
  const [whole = '', fraction = ''] = digits.split('.')
  return scale === 0 ? whole : `${whole}.${fraction.padEnd(scale, '0')}`
}

function noDate(engine: string, text: string): readonly Probe[] {
  return engine === 'mysql' ? [{ given: text, written: text, refusable: true }] : []
}

function* numbersFor({ type, bits, kind }: ColumnFacts, base: string, engine: string): Generator<Probe> {
  yield* same('0')
  if (/^(bool|bit)/.test(base)) return yield* same('1')
  if (base === 'year') return yield* same('1999', '2155')
  if (kind === 'integer' || (engine === 'sqlite' && base === 'int')) {
    const isUnsigned = /unsigned|zerofill/.test(type)
    const size = bits ?? BITS[base.split(' ')[0] ?? ''] ?? 64
    const most = 2n ** BigInt(isUnsigned ? size : size - 1)
    yield* same(String(most - 1n), ...(isUnsigned ? [] : ['-1', String(-most)]))
    return
  }
  const [, precision, scale = '0'] = /\((\d+)(?:,\s*(\d+))?\)/.exec(type) ?? []
  const [whole, after] =
    engine === 'sqlite'
      ? [9, 4]
      : precision === undefined
        ? [20, 10]
        : [Number(precision) - Number(scale), Number(scale)]
  if (whole > 0) yield* same('1', `-${'9'.repeat(whole)}`, `1${'0'.repeat(whole - 1)}`)
  if (after === 0) return
  const ones = whole > 0 ? '9'.repeat(whole) : '0'
  yield* same(`${ones}.${'9'.repeat(after)}`, `-0.${'0'.repeat(after - 1)}1`)
  yield {
    given: `0.${'10'.repeat(after).slice(0, after)}`,
    written: `0.${'10'.repeat(after).slice(0, after).replace(/0+$/, '')}`,
  }
}

const BITS: Readonly<Record<string, number>> = { tinyint: 8, smallint: 16, mediumint: 24, int: 32, bigint: 64 }

/** Times with as many digits of a second as the column keeps. */
function momentsOf({ type }: ColumnFacts, engine: string, whole: readonly string[]): readonly string[] {
  const declared = /\((\d)\)/.exec(type)?.[1]
  const digits = declared === undefined ? (engine === 'mysql' ? 0 : 6) : Number(declared)
  return whole.flatMap((text) =>
    FRACTIONS.filter((fraction) => fraction.length <= digits + 1)
      .filter((fraction) => fraction === '' || digits > 0)
      .map((fraction) => text + fraction),
  )
}

/** `varchar(20)` → 20 */
function sizeOf(type: string): number | undefined {
  const size = /^[a-z ]+\((\d+)\)/i.exec(type)?.[1]
  return size === undefined ? undefined : Number(size)
}
