import type { DirtyKey } from './batch.ts'

/** Fewer keys than this are not worth a second transaction. */
const FEWEST = 100

/**
 * The keys of a large batch in two parts with no stripe in common, which can be copied side by side: while one waits for a
 * database, the other has this process. Keys of several entities stay together, because parents go before their children.
 */
export function lanesOf(keys: readonly DirtyKey[]): readonly (readonly DirtyKey[])[] {
  const [first] = keys
  if (keys.length < 2 * FEWEST || keys.some(({ entity }) => entity !== first?.entity)) return [keys]
  const lanes = [0, 1].map((lane) => keys.filter(({ stripe }) => stripe % 2 === lane))
  return lanes.every((lane) => lane.length >= FEWEST) ? lanes : [keys]
}
