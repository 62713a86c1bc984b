import { type BulkStore, type Key, type KeyRange, keyText, scanKeys } from '@twinspan/core'
import { type Job, takesAllOfLegacy } from '../job.ts'
import { Outage, reach } from '../reach.ts'
import type { ChunkClock } from '../throttle/pace.ts'

/** A stretch of the key order; `null` is an open end. */
export interface Stretch {
  readonly after: Key | null
  readonly through: Key | null
}

export interface RangeComparison {
  /** Keys that the target has and legacy has not: what a delete left behind that overtook us, or nobody's rows. */
  readonly targetOnly: readonly Key[]
  /** Keys of `expected` that the target has, but elsewhere in its order. */
  readonly misplaced: boolean
}

const PAGE = 5_000

/**
 * Compares the keys of a stretch as both sides hold them now. Called after the insert into it has committed: a delete
 * that the mirror had copied before our insert was committed on legacy before that, so that its key is missing there now.
 *
 * @param expected the keys that this chunk inserted or found, to see whether both sides order keys alike
 */
export async function compareRange(
  job: Job,
  clock: ChunkClock,
  stretch: Stretch,
  expected: readonly Key[],
): Promise<RangeComparison> {
  const { entity } = job
  if (await bothHold(job, clock, stretch, expected)) return { targetOnly: [], misplaced: false }
  const onLegacy = new Set<string>()
  for await (const keys of pages(job, clock, 'legacy', stretch)) {
    for (const key of keys) onLegacy.add(keyText(key))
  }
  const unseen = new Map(expected.map((key) => [keyText(key), key]))
  const targetOnly: Key[] = []
  for await (const keys of pages(job, clock, 'target', stretch)) {
    for (const key of keys) unseen.delete(keyText(key))
    const suspects = keys.filter((key) => !onLegacy.has(keyText(key)))
    if (suspects.length === 0) continue
    // Where the sides order keys differently, legacy may hold the key outside of this stretch.
    const rows = await clock.legacy(() => reach('legacy', () => entity.legacy.load(suspects)))
    const elsewhere = new Set(rows.map((row) => entity.keyTextOf('legacy', row)))
    for (const key of suspects) if (!elsewhere.has(keyText(key))) targetOnly.push(key)
  }
  const lost = Array.from(unseen.values())
  const found = lost.length === 0 ? [] : await reach('target', () => entity.target.load(lost))
  return { targetOnly, misplaced: found.length > 0 }
}

/** Whether both sides say that they hold these very keys there, as those with a digest of their keys can without handing them out. */
async function bothHold(
  job: Job,
  clock: ChunkClock,
  { after, through }: Stretch,
  keys: readonly Key[],
): Promise<boolean> {
  const { entity } = job
  const [legacy, target] = [entity.legacy.bulk, entity.target.bulk]
  if (legacy === undefined || target === undefined) return false
  const stretch = { ...(after === null ? {} : { after }), ...(through === null ? {} : { through }) }
  const holds = async (side: 'legacy' | 'target', { holdsKeys }: BulkStore): Promise<boolean> => {
    try {
      return await reach(side, () => holdsKeys(stretch, keys))
    } catch (error) {
      // A session may write values in a way that a digest does not know. Keys can be read all the same.
      if (error instanceof Outage) throw error
      return false
    }
  }
  const onTarget = (): Promise<boolean> => holds('target', target)
  const onLegacy = (): Promise<boolean> => clock.legacy(() => holds('legacy', legacy))
  // In any order: both look after the insert has committed.
  if (!takesAllOfLegacy(job)) return (await onTarget()) && onLegacy()
  return (await Promise.all([onTarget(), onLegacy()])).every(Boolean)
}

async function* pages(
  { entity }: Job,
  clock: ChunkClock,
  side: 'legacy' | 'target',
  { after, through }: Stretch,
): AsyncGenerator<readonly Key[]> {
  for (let from = after; ; ) {
    const range: KeyRange = {
      ...(from === null ? {} : { after: from }),
      ...(through === null ? {} : { through }),
      limit: PAGE,
    }
    const read = (): Promise<readonly Key[]> => reach(side, () => scanKeys(entity, side, range))
    const keys = side === 'legacy' ? await clock.legacy(read) : await read()
    yield keys
    const last = keys.at(-1)
    if (last === undefined || keys.length < PAGE) return
    from = last
  }
}
