import { type Entity, keyText, type Migration, type SideName } from '@twinspan/core'
import { keysOf, type ReadOptions, type Untyped } from './operation.ts'

/**
 * Whether what a read looks up may be newer on the primary than on the secondary. Without keys: whether anything of the
 * entity is, because a look-up by another column cannot know which key it will find.
 */
export async function isDirty(
  migration: Migration,
  entity: Entity,
  primary: SideName,
  options: ReadOptions<Untyped>,
  args: readonly unknown[],
): Promise<boolean> {
  const { journal } = migration.sides[primary]
  const keys = keysOf(options, args)
  return keys === undefined
    ? journal.hasDirty(entity.name)
    : (await journal.dirty(entity.name, keys.map(keyText))).size > 0
}
