import type { CanonicalForm } from '@twinspan/core'
import type { ColumnFacts } from '../catalog.ts'

/** A value as SQLite's drivers hand it out, as text. Never called with `null`. */
export type WriteValue = (value: unknown) => string

type ValueForms = ReadonlyMap<CanonicalForm, WriteValue>

const forms = (...pairs: readonly (readonly [CanonicalForm, WriteValue])[]): ValueForms => new Map(pairs)
const lower: WriteValue = (value) => plain(value).toLowerCase()

const BOOLEAN = forms(['integer', plain])
const INTEGER = forms(['integer', plain], ['decimal', plain])
const TEXT = forms(['text', plain], ['uuid', lower])
const DOUBLE = forms(['double', double])
const BYTES = forms(['bytes', plain])
const DECIMAL = forms(['decimal', plain], ['integer', plain])
const INSTANT = forms(['datetime', moment], ['instant', moment])
const DATE = forms(['date', plain])
const NONE = forms()

/** A column's declared type says what it is meant to hold; what it holds is written so that it equals only the same. */
export function sqliteForms({ type, kind }: ColumnFacts): ValueForms {
  if (kind === 'integer') return INTEGER
  if (kind === 'text') return TEXT
  if (/real|floa|doub/i.test(type)) return DOUBLE
  if (/blob/i.test(type) || type === '') return BYTES
  if (/bool/i.test(type)) return BOOLEAN
  if (/datetime|timestamp/i.test(type)) return INSTANT
  if (/date/i.test(type)) return DATE
  return /numeric|decimal/i.test(type) ? DECIMAL : NONE
}

function plain(value: unknown): string {
  return ArrayBuffer.isView(value)
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')
    : String(value)
}

/** The shortest digits, as PostgreSQL and MySQL set them. */
function double(value: unknown): string {
  if (typeof value !== 'number') return plain(value)
  const [digits = '', exponent = '0'] = value.toExponential().split('e')
  const power = Number(exponent)
  if (power >= 15 && Number.isInteger(value)) return `${digits}e${power}`
  if (power < -15) return `${digits}e${power}`
  if (power >= -6) return String(value)
  const [, sign = '', ones = '', rest = ''] = /^(-?)(\d)\.?(\d*)$/.exec(digits) ?? []
  return `${sign}0.${'0'.repeat(-power - 1)}${ones}${rest}`
}

const MOMENT = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:Z|\+00:?00)?$/

function moment(value: unknown): string {
  const [, date, time, fraction = ''] = MOMENT.exec(plain(value)) ?? []
  if (date === undefined) return plain(value)
  const digits = fraction.replace(/0+$/, '')
  return `${date} ${time}${digits === '' ? '' : `.${digits}`}`
}
