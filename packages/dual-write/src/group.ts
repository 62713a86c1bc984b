import type { Entity, SideName, StoreOptions } from '@twinspan/core'
import { type DirtyKey, type Failure, readState } from './batch.ts'

export interface GroupOptions {
  readonly from: SideName
  readonly to: SideName
  /** For the stores of `to`, from a copy that holds the stripe of every key. */
  readonly options: StoreOptions
  /** Writes row by row, and tells which key is next. @default writes all rows at once */
  readonly trying?: (key: DirtyKey | undefined) => void
}

/**
 * Copies keys that block each other: rows that swap unique values, parents and children. First every unique value is
 * moved out of the way, then rows are saved, parents first, and only then rows are removed, children first, so that no
 * child stands without a parent in between.
 */
export async function copyGroup(
  entities: readonly Entity[],
  keys: readonly DirtyKey[],
  { from, to, options, trying }: GroupOptions,
): Promise<readonly Failure[]> {
  const { changes, failures } = await readState(entities, keys, from)
  const keysOf = (entity: Entity, some: readonly DirtyKey[]) => some.map((key) => entity.keyOfText(key.text))
  const inTurn = async <T>(
    items: readonly T[],
    keyOf: (item: T) => DirtyKey,
    write: (some: readonly T[]) => unknown,
  ) => {
    for (const some of trying === undefined ? [items] : items.map((item) => [item])) {
      const [first] = some
      if (first === undefined) continue
      trying?.(keyOf(first))
      await write(some)
      trying?.(undefined)
    }
  }

  for (const { entity, saves, removals } of changes) {
    const change = { saved: saves.map(({ row }) => row), removed: keysOf(entity, removals) }
    await entity[to].makeRoom?.(change, options)
  }
  for (const { entity, saves } of changes) {
    await inTurn(
      saves,
      ({ key }) => key,
      (some) =>
        entity[to].save(
          some.map(({ row }) => row),
          options,
        ),
    )
  }
  for (const { entity, removals } of changes.toReversed()) {
    await inTurn(
      removals,
      (key) => key,
      (some) => entity[to].remove(keysOf(entity, some), options),
    )
  }
  return failures
}
