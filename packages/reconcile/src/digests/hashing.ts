import { type Digest, findKeys, type Key, otherSide, type SideName, type Stretch } from '@twinspan/core'
import type { Comparison } from '../comparison.ts'
import { createBusyTime } from './busy-time.ts'
import type { DigestPlan } from './digest-plan.ts'

/** Has the databases look at their rows where these are, and knows how long the primary was at work for it. */
export interface Hashing {
  /** The stretches of `rows` rows of a side into which a stretch falls, up to `most` of them; the last one may have fewer rows. */
  cut(side: SideName, stretch: Stretch, rows: number, most: number): Promise<readonly Stretch[]>
  /** The digests of both sides, and how long the slower one took. */
  ofBoth(stretches: readonly Stretch[]): Promise<BothDigests>
  /** Of one of the plan's columns. */
  ofColumn(side: SideName, stretch: Stretch, at: number): Promise<Digest | undefined>
  /** How long the primary was at work since this was last asked, in milliseconds. */
  takePrimaryMs(): number
}

export interface BothDigests extends Readonly<Record<SideName, readonly Digest[]>> {
  readonly ms: number
}

/** @param together whether both sides may be at work at once */
export function createHashing(
  { entity, migration, primary }: Comparison,
  plan: DigestPlan,
  together: boolean,
): Hashing {
  const busy = createBusyTime(migration.now)

  function on<T>(side: SideName, work: () => Promise<T>): Promise<T> {
    return side === primary ? busy.during(work) : work()
  }

  async function digests(side: SideName, stretches: readonly Stretch[]): Promise<readonly Digest[]> {
    const made = await on(side, async () => entity[side].digest?.(stretches, plan[side]))
    if (made?.length !== stretches.length) {
      throw new TypeError(`The ${side} store of "${entity.name}" has not made a digest of every stretch.`)
    }
    return made
  }

  async function timed(side: SideName, stretches: readonly Stretch[]) {
    const began = migration.now()
    const made = await digests(side, stretches)
    return { made, ms: migration.now() - began }
  }

  return {
    async cut(side, stretch, rows, most) {
      return between(stretch, await on(side, () => findKeys(entity[side], stretch, rows, most)), most)
    },
    async ofBoth(stretches) {
      const ours = timed(primary, stretches)
      if (!together) await ours
      const theirs = timed(otherSide(primary), stretches)
      // Nothing goes on unseen where one of them fails.
      await Promise.allSettled([ours, theirs])
      const [legacy, target] = primary === 'legacy' ? [await ours, await theirs] : [await theirs, await ours]
      return { legacy: legacy.made, target: target.made, ms: Math.max(legacy.ms, target.ms) }
    },
    async ofColumn(side, stretch, at) {
      const column = plan[side][at]
      return column === undefined ? undefined : (await entity[side].digest?.([stretch], [column]))?.[0]
    },
    takePrimaryMs: () => busy.take(),
  }
}

/** The stretches that end at these keys; fewer than `most` of them leave a rest behind the last one. */
function between(whole: Stretch, keys: readonly Key[], most: number): readonly Stretch[] {
  const ends = keys.length < most ? [...keys, whole.through] : keys
  return ends.map((through, at) => {
    const after = at === 0 ? whole.after : keys[at - 1]
    return { ...(after === undefined ? {} : { after }), ...(through === undefined ? {} : { through }) }
  })
}

/** Whether both hold the same rows. */
export function agree(a: Digest | undefined, b: Digest | undefined): boolean {
  return a !== undefined && b !== undefined && a.rows === b.rows && a.digest === b.digest
}
