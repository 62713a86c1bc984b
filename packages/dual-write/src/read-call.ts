import { type Entity, keyText, type Migration, type SideName } from '@twinspan/core'
import { keysOf, type ReadOptions, type Untyped } from './operation.ts'

/** One call of a method that reads. */
export interface ReadCall {
  readonly name: string
  readonly options: ReadOptions<Untyped>
  readonly args: readonly unknown[]
  /** Whom it is done for. */
  readonly unit: string | undefined
}

/**
 * Whether what the call looks up may be newer on the primary than on the secondary. Without keys: whether anything of the
 * entity is, because a look-up by another column cannot know which key it will find.
 */
export async function isDirty(
  migration: Migration,
  entity: Entity,
  primary: SideName,
  call: ReadCall,
): Promise<boolean> {
  const { journal } = migration.sides[primary]
  const keys = keysOf(call.options, call.args)
  return keys === undefined
    ? journal.hasDirty(entity.name)
    : (await journal.dirty(entity.name, keys.map(keyText))).size > 0
}
