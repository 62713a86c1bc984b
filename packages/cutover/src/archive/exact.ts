import { type DigestColumn, type Entity, type Key, keyText } from '@twinspan/core'

/** By column, a value as the database writes it, where what its driver hands out says less. */
export type ExactTexts = Readonly<Record<string, string>>

/** Reads what drivers leave out: a `Date` ends at the millisecond and has no zero date, a number of a FLOAT is rounded. */
export type ExactReader = (rows: readonly object[]) => Promise<(row: object) => ExactTexts | undefined>

const NOTHING = () => undefined

/** Nothing is read of stores that cannot write their values as text. */
export async function createExactReader({ legacy, keyOf }: Entity, signal?: AbortSignal): Promise<ExactReader> {
  const options = signal === undefined ? {} : { signal }
  const forms = await legacy.forms?.()
  if (forms === undefined || legacy.written === undefined) return async () => NOTHING
  const columns: DigestColumn[] = []
  for (const [name, { forms: ways, nullable }] of forms) {
    const [form] = ways
    if (form === undefined || form === 'text' || form === 'bytes' || form === 'uuid') continue
    const column = { name, form, nullable }
    const failures = (await legacy.tryForms?.([column], options)) ?? []
    if (failures.length === 0) columns.push(column)
  }

  return async (rows) => {
    const lossy = columns.filter(({ name }) => rows.some((row) => isLossy((row as Record<string, unknown>)[name])))
    if (lossy.length === 0) return NOTHING
    const key = (row: unknown): Key => keyOf('legacy', row)
    const written = (await legacy.written?.(rows.map(key), lossy, options)) ?? []
    const texts = new Map(written.map(({ key, values }) => [keyText(key), values]))
    return (row) => {
      const values = texts.get(keyText(key(row))) ?? []
      const entries = lossy.flatMap(({ name }, at): [string, string][] => {
        const text = values[at] ?? null
        return text === null || text === textOf((row as Record<string, unknown>)[name]) ? [] : [[name, text]]
      })
      return entries.length === 0 ? undefined : Object.fromEntries(entries)
    }
  }
}

function isLossy(value: unknown): boolean {
  return value instanceof Date || (typeof value === 'number' && !Number.isSafeInteger(value))
}

/** The value as its column's form has it, where a driver lost nothing of it. */
function textOf(value: unknown): string {
  if (!(value instanceof Date)) return String(value)
  if (Number.isNaN(value.getTime())) return ''
  return value
    .toISOString()
    .replace('T', ' ')
    .replace(/\.?0*Z$/, '')
}
