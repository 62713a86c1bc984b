import { ArchiveError } from '../errors.ts'
import type { ExactTexts } from './exact.ts'

/**
 * A row as one line of JSON that gives back every value that a driver can hand out. What JSON cannot say is an object with
 * one property whose name begins with `$`:
 *
 * | value | line |
 * |---|---|
 * | `12n` | `{"$bigint":"12"}` |
 * | `new Date(0)` | `{"$date":"1970-01-01T00:00:00.000Z"}`, an invalid one `{"$date":null}` |
 * | a `Buffer` or `Uint8Array` | `{"$bytes":"<base64>"}`, read back as `Buffer` |
 * | `NaN`, `Infinity`, `-Infinity`, `-0` | `{"$number":"NaN"}`, ... |
 * | `undefined` | `{"$undefined":true}` |
 * | an object with a property that begins with `$` | `{"$object":{...}}` |
 * | a row with values of which the driver leaves something out | `{"$row":{...},"$exact":{"at":"2020-01-01 00:00:00.123456"}}` |
 *
 * @throws ArchiveError for a value of any other class, naming its column and not its value
 */
export function encodeRow(row: unknown, exact?: ExactTexts): string {
  // Spread: a driver's row may be of a class of its own, and is read back as a plain object.
  const encoded = isPlain(row) ? row : encode({ ...(row as object) }, '')
  return JSON.stringify(exact === undefined ? encoded : { $row: encoded, $exact: exact })
}

/** The row that `encodeRow` wrote. */
export function decodeRow(line: string): unknown {
  const value: unknown = JSON.parse(line)
  // Every tag, and every name that had to be guarded against one, leaves this in the line.
  return line.includes('"$') ? decode(isExact(value) ? value.$row : value) : value
}

/** By column, the values that the row could not say whole, as the database wrote them. */
export function decodeExact(line: string): ExactTexts {
  const value: unknown = line.startsWith('{"$row"') ? JSON.parse(line) : undefined
  return isExact(value) ? value.$exact : {}
}

function isExact(value: unknown): value is { readonly $row: unknown; readonly $exact: ExactTexts } {
  return typeof value === 'object' && value !== null && '$row' in value && '$exact' in value
}

/** Whether JSON says the row as it is. Most rows are like that, and an archive has many. */
function isPlain(row: unknown): row is object {
  if (typeof row !== 'object' || row === null) return false
  for (const [name, value] of Object.entries(row)) {
    if (name.startsWith('$')) return false
    if (typeof value === 'string' || typeof value === 'boolean' || value === null) continue
    if (typeof value !== 'number' || !Number.isFinite(value) || Object.is(value, -0)) return false
  }
  return !Array.isArray(row) && !('toJSON' in row)
}

function encode(value: unknown, path: string): unknown {
  switch (typeof value) {
    case 'bigint':
      return { $bigint: value.toString() }
    case 'number':
      if (Number.isFinite(value) && !Object.is(value, -0)) return value
      return { $number: Object.is(value, -0) ? '-0' : String(value) }
    case 'undefined':
      return { $undefined: true }
    case 'string':
    case 'boolean':
      return value
    case 'object':
      return value === null ? null : encodeObject(value, path)
    default:
      throw unknown(path, `a ${typeof value}`)
  }
}

function encodeObject(value: object, path: string): unknown {
  if (Array.isArray(value)) return value.map((item, index) => encode(item, `${path}[${index}]`))
  if (value instanceof Date) return { $date: Number.isNaN(value.getTime()) ? null : value.toISOString() }
  if (value instanceof Uint8Array) {
    return { $bytes: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') }
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  // The driver of another realm (a test runner's sandbox) has an Object of its own.
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw unknown(path, `a ${value.constructor?.name ?? 'nameless class'}`)
  }
  const entries = Object.entries(value)
  const encoded = Object.fromEntries(
    entries.map(([name, item]) => [name, encode(item, path === '' ? name : `${path}.${name}`)]),
  )
  return entries.some(([name]) => name.startsWith('$')) ? { $object: encoded } : encoded
}

function unknown(path: string, kind: string): ArchiveError {
  return new ArchiveError(
    `Column ${path || 'of a row'} holds ${kind}, which has no form in an archive. Let the store's scan return a plain value.`,
  )
}

function decode(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(decode)
  const entries = Object.entries(value)
  const [only] = entries
  if (entries.length === 1 && only?.[0].startsWith('$')) return decodeTag(only[0], only[1])
  return decodeEntries(entries)
}

function decodeEntries(entries: readonly [string, unknown][]): unknown {
  return Object.fromEntries(entries.map(([name, item]) => [name, decode(item)]))
}

function decodeTag(tag: string, value: unknown): unknown {
  switch (tag) {
    case '$bigint':
      return BigInt(value as string)
    case '$number':
      return Number(value)
    case '$date':
      return new Date(value === null ? Number.NaN : (value as string))
    case '$bytes':
      return Buffer.from(value as string, 'base64')
    case '$undefined':
      return undefined
    case '$object':
      return decodeEntries(Object.entries(value as object))
    default:
      throw new ArchiveError(`The archive has a value of kind ${tag}, which this version cannot read.`)
  }
}
