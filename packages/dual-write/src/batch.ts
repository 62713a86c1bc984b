import { type Entity, type JournalRow, type SideName, type StoreOptions, stripeOf, translateRow } from '@twinspan/core'

/** One dirty key with every journal row of it that was seen before the key is read again. */
export interface DirtyKey {
  readonly entity: Entity
  readonly text: string
  readonly stripe: number
  readonly ids: readonly string[]
  /** Failed copies so far, the most of any row. */
  readonly attempts: number
}

/** The dirty keys of some journal rows, each once, in the order of their latest mark. */
export function dirtyKeys(entities: readonly Entity[], rows: readonly JournalRow[]): readonly DirtyKey[] {
  const byName = new Map(entities.map((entity) => [entity.name, entity]))
  const keys = new Map<string, DirtyKey>()
  for (const row of rows) {
    const entity = byName.get(row.entity)
    // Rows of an entity that this process does not know belong to a newer deployment; its processes copy them.
    if (entity === undefined) continue
    const id = JSON.stringify([row.entity, row.key])
    const known = keys.get(id)
    // Re-inserted, so that a key's place is that of its latest mark: a unique value that moved from one row to another
    // is given up before it is taken.
    keys.delete(id)
    keys.set(id, {
      entity,
      text: row.key,
      stripe: stripeOf(row.key),
      ids: [...(known?.ids ?? []), row.id],
      attempts: Math.max(known?.attempts ?? 0, row.attempts),
    })
  }
  return [...keys.values()]
}

export interface Failure {
  readonly key: DirtyKey
  readonly error: unknown
}

/** What one transaction brought over, and what stays dirty because its row cannot be translated. */
export interface CopiedKeys {
  readonly copied: readonly DirtyKey[]
  readonly failures: readonly Failure[]
}

/** A key and the row that the secondary is to hold of it. */
export interface Save {
  readonly key: DirtyKey
  readonly row: unknown
}

/** One entity's share of a copy. */
export interface Change {
  readonly entity: Entity
  readonly saves: readonly Save[]
  readonly removals: readonly DirtyKey[]
}

/** What the primary holds of the keys now, entity by entity, and the keys whose row cannot be translated. */
export async function readState(
  entities: readonly Entity[],
  keys: readonly DirtyKey[],
  from: SideName,
): Promise<{ readonly changes: readonly Change[]; readonly failures: readonly Failure[] }> {
  const failures: Failure[] = []
  const changes: Change[] = []
  for (const entity of entities) {
    const own = keys.filter((key) => key.entity === entity)
    if (own.length === 0) continue
    const loaded = new Map<string, unknown>()
    for (const row of await entity[from].load(own.map((key) => entity.keyOfText(key.text))))
      loaded.set(entity.keyTextOf(from, row), row)
    const saves: Save[] = []
    const removals: DirtyKey[] = []
    for (const key of own) {
      try {
        const row = loaded.get(key.text)
        const translated = row === undefined ? null : translateRow(entity, from, row)
        if (translated === null) removals.push(key)
        else saves.push({ key, row: translated })
      } catch (error) {
        failures.push({ key, error })
      }
    }
    changes.push({ entity, saves, removals })
  }
  return { changes, failures }
}

/**
 * Copies the current state of the keys from the primary's tables into the secondary's, in the transaction of the options,
 * whose stripes are held. Rows that cannot be translated are returned; everything else fails the transaction.
 *
 * A store without transactions may be left with half of it. That is a state like any other of a copy that is repeated: the
 * keys stay dirty, and whoever comes next reads them again.
 */
export async function copyState(
  entities: readonly Entity[],
  keys: readonly DirtyKey[],
  from: SideName,
  to: SideName,
  options: StoreOptions,
): Promise<readonly Failure[]> {
  // Re-read under the stripe lock: a row loaded before it may be older than one already mirrored.
  const { changes, failures } = await readState(entities, keys, from)
  // Entities are listed parents first: children go before their parents and come after them.
  for (const { entity, removals } of changes.toReversed()) {
    if (removals.length > 0)
      await entity[to].remove(
        removals.map((key) => entity.keyOfText(key.text)),
        options,
      )
  }
  for (const { entity, saves } of changes) {
    if (saves.length > 0)
      await entity[to].save(
        saves.map(({ row }) => row),
        options,
      )
  }
  return failures
}
