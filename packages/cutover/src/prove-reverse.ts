import { type Entity, type Key, keyText, type Migration, redact, translateRow } from '@twinspan/core'

/** Rows of each entity that are really written to legacy, each in a transaction of its own that is rolled back. */
const WRITES = 5

export interface ReverseProof {
  /** Target rows that were translated back. */
  readonly tried: number
  /** Of them: written to legacy and rolled back; `0` where legacy is opaque. */
  readonly written: number
  /** Translated to nothing although legacy holds the row. */
  readonly dropped: number
  /** Translations that threw or changed the key. */
  readonly wrong: number
  /** What the first of them said. */
  readonly why?: string
  /** Columns that a translation names and legacy does not have. */
  readonly unknown: readonly string[]
  /** Columns in which a translation differs from the row that legacy holds: what the way back would overwrite. */
  readonly changes: readonly string[]
  /** Why legacy did not take a row, redacted. */
  readonly refused?: string
}

class RolledBack extends Error {}

/** Translates a sample of target rows back, holds the result against legacy, and tries a few of them for real. */
export async function proveReverse(
  migration: Migration,
  entity: Entity,
  { rows: limit, write }: { readonly rows: number; readonly write: boolean },
): Promise<ReverseProof> {
  const rows = await entity.target.scan({ limit })
  const keys = rows.map((row) => entity.keyOf('target', row))
  const held = new Map<string, unknown>()
  if (keys.length > 0) for (const row of await entity.legacy.load(keys)) held.set(entity.keyTextOf('legacy', row), row)
  const columns = await entity.legacy.columns?.()

  const unknown = new Set<string>()
  const changes = new Set<string>()
  const writable: object[] = []
  let dropped = 0
  let wrong = 0
  let why: string | undefined
  for (const [index, row] of rows.entries()) {
    const before = held.get(keyText(keys[index] as Key))
    try {
      const translated = translateRow(entity, 'target', row) as object | null
      if (translated === null) {
        if (before !== undefined) dropped++
        continue
      }
      for (const column of Object.keys(translated))
        if (columns !== undefined && !columns.includes(column)) unknown.add(column)
      if (before === undefined) continue
      for (const column of changed(before, translated)) changes.add(column)
      writable.push(translated)
    } catch (error) {
      wrong++
      why ??= redact(error)
    }
  }
  let written = 0
  let refused: string | undefined
  // What an opaque store was made to hold cannot be taken back.
  if (write && wrong === 0 && unknown.size === 0 && migration.sides.legacy.opaque === undefined) {
    for (const row of writable.slice(0, WRITES)) {
      refused = await tryWrite(migration, entity, row)
      if (refused !== undefined) break
      written++
    }
  }
  return {
    tried: rows.length,
    written,
    dropped,
    wrong,
    ...(why === undefined ? {} : { why }),
    unknown: [...unknown],
    changes: [...changes],
    ...(refused === undefined ? {} : { refused }),
  }
}

/** Writes the row to legacy and rolls back. One row per transaction: two could meet a user's transaction in a deadlock. */
async function tryWrite(migration: Migration, entity: Entity, row: object): Promise<string | undefined> {
  try {
    await migration.sides.legacy.captureWrite({ entity: entity.name, keys: () => [] }, async (transaction) => {
      await entity.legacy.save([row], { transaction })
      throw new RolledBack()
    })
  } catch (error) {
    return error instanceof RolledBack ? undefined : redact(error)
  }
  return undefined
}

/** The columns of `row` whose value is not the one in `before`, whatever type a driver gives it. */
function changed(before: unknown, row: object): readonly string[] {
  const held = before as Readonly<Record<string, unknown>>
  return Object.entries(row).flatMap(([column, value]) => (plain(held[column]) === plain(value) ? [] : [column]))
}

function plain(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  if (value instanceof Date) return value.toISOString()
  if (typeof value === 'boolean') return value ? '1' : '0'
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  return typeof value === 'object' ? JSON.stringify(value) : String(value as string | number | bigint)
}
