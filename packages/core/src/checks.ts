import type { Entity } from './entity.ts'
import { InvalidOptionError, TargetNotEmptyError, UnknownColumnError } from './errors.ts'
import type { SideName } from './phases.ts'
import type { CapturedEntity } from './side.ts'
import { translateRow } from './translate.ts'

/** The entities as one side captures them. */
export function captured(entities: readonly Entity[], side: SideName): readonly CapturedEntity[] {
  return entities.map((entity) => ({ name: entity.name, store: entity[side] }))
}

export function checkNames(entities: readonly Entity[]): void {
  if (entities.length === 0) throw new InvalidOptionError('entities', entities, 'at least one entity')
  const names = entities.map((entity) => entity.name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw new InvalidOptionError('entities', twice, 'entities of different names')
}

/** Tables, key columns and key constraints of one side. Writes nothing. */
export async function checkStores(entities: readonly Entity[], side: SideName): Promise<void> {
  for (const entity of entities) await entity[side].check?.()
}

/**
 * Translates one row of `from` and holds it against the other side: it keeps its key and names no unknown column. An empty
 * table passes; the mirror meets its rows later.
 */
export async function probeTranslation(entity: Entity, from: SideName): Promise<void> {
  const to = from === 'legacy' ? 'target' : 'legacy'
  const [row] = await entity[from].scan({ limit: 1 })
  if (row === undefined) return
  const translated = translateRow(entity, from, row)
  if (translated === null) return
  const columns = await entity[to].columns?.()
  if (columns === undefined) return
  for (const column of Object.keys(translated as object)) {
    if (!columns.includes(column)) throw new UnknownColumnError(entity[to].name ?? entity.name, column, columns)
  }
}

/** Refuses a target that holds rows which nobody of this migration wrote. */
export async function refuseForeignRows(migration: string, entities: readonly Entity[]): Promise<void> {
  for (const entity of entities) {
    const [row] = await entity.target.scan({ limit: 1 })
    if (row !== undefined) throw new TargetNotEmptyError(migration, entity.name, entity.target.name ?? entity.name)
  }
}
