/**
 * Whether what the target gave back is what it was given, whatever types a driver makes of it. Columns that the translation
 * does not name are the target's own.
 */
export function isSameRow(given: object, found: object): boolean {
  const held = found as Readonly<Record<string, unknown>>
  return Object.entries(given).every(([column, value]) => isSameValue(value, held[column]))
}

function isSameValue(given: unknown, found: unknown): boolean {
  if (isAbsent(given) || isAbsent(found)) return isAbsent(given) && isAbsent(found)
  if (given instanceof Date || found instanceof Date) return instantOf(given) === instantOf(found)
  if (given instanceof Uint8Array || found instanceof Uint8Array) return bytesOf(given) === bytesOf(found)
  if (typeof given === 'object' || typeof found === 'object') return jsonOf(given) === jsonOf(found)
  if (typeof given === 'string' && typeof found === 'string') return given === found
  return plain(given) === plain(found)
}

function isAbsent(value: unknown): value is null | undefined {
  return value === null || value === undefined
}

/** `NaN`, which equals nothing, where there is no instant. */
function instantOf(value: unknown): number {
  if (value instanceof Date) return value.getTime()
  return typeof value === 'string' || typeof value === 'number' ? new Date(value).getTime() : Number.NaN
}

function bytesOf(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value)
}

/** A document, as an object or as its text. */
function jsonOf(value: unknown): string {
  let document = value
  if (typeof value === 'string') {
    try {
      document = JSON.parse(value)
    } catch {
      return value
    }
  }
  return JSON.stringify(document, (_key, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  )
}

/** Numbers and booleans: a driver gives them as such, as text, or as `0` and `1`. */
function plain(value: unknown): string {
  if (typeof value === 'boolean') return value ? '1' : '0'
  const text = String(value as string | number | bigint)
  return /^-?\d+\.\d*$/.test(text) ? text.replace(/\.?0+$/, '') : text
}
