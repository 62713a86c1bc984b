import { type Digest, type Key, otherSide, type SideName, type Stretch, traced } from '@twinspan/core'
import { assertCurrent, type Comparison } from '../comparison.ts'
import { type ComparedPage, comparePages, compareStretch, type Sighting } from '../pages.ts'
import { createBusyTime } from './busy-time.ts'
import type { DigestPlan } from './digest-plan.ts'
import { inOrder } from './in-order.ts'
import { createLeafPace } from './leaf-pace.ts'
import { createNoise } from './noise.ts'

/**
 * A leaf that differs is made into digests again, of so many rows each, and each that differs into shorter ones. The rows of those
 * that still differ are compared.
 */
const PART_ROWS = 500
const SHORT_ROWS = 60
/** Leaves of which most parts differed, one after the other, from which on digests only cost. */
const HOPELESS = 8

/** Of so many keys at most that may lie in a leaf, one has a row on the side that leads. */
const SPARSE = 8
/** Leaves that turned out to be wider, from which on the primary leads. */
const MOST_WIDE = 3

export interface LeafOptions {
  /** Rows that are read at once where digests do not help. */
  readonly pageRows: number
  /**
   * Leaves that are compared at once while the next one is cut. 0: one thing is done after the other, so that no more than one
   * statement is at work on either side.
   */
  readonly atOnce: number
  /** The key after which to begin. */
  readonly from?: Key
}

interface Leaf extends Stretch {
  /** The side whose rows it was cut by, and their digest. */
  readonly by: SideName
  readonly led: Digest
}

interface TimedLeaf extends Leaf {
  /** How many rows were asked for, and how long they took. */
  readonly asked: number
  readonly ms: number
}

interface DifferingPart {
  readonly part: Stretch
  readonly led: Digest
  readonly followed: Digest | undefined
}

interface ComparedLeaf {
  readonly leaf: Leaf
  /** Rows of the primary. */
  readonly rows: number
  readonly sightings: readonly Sighting[]
  readonly isHopeless: boolean
  /** Where both sides gave the same at once. */
  readonly digest?: string
}

/**
 * Compares both sides leaf by leaf: a stretch of one side's keys, and the same stretch on the other, each made into one digest
 * where its rows are. Only where two digests differ, twice, are rows read.
 *
 * The stretches follow one another without a gap from one open end to the other, so every row of either side is in one.
 */
export async function* compareLeaves(
  comparison: Comparison,
  plan: DigestPlan,
  { pageRows, atOnce, from }: LeafOptions,
): AsyncGenerator<ComparedPage> {
  const { entity, migration, primary, secondary, notes } = comparison
  // Whoever leads cuts the leaves. It is the primary, unless the secondary alone can cut them for nothing.
  let wideLeaves = 0
  let secondaryLeads = entity[primary].digestFirst === undefined && entity[secondary].digestFirst !== undefined
  const pace = createLeafPace()
  const busy = createBusyTime(migration.now)
  const noise = createNoise(plan[secondary].map(({ name }) => name))

  let hopeless = 0
  for await (const { leaf, rows, sightings, isHopeless, digest: agreed } of inOrder(cutLeaves(), atOnce, tracedLeaf)) {
    const evidence = agreed === undefined ? {} : { digest: agreed }
    yield { rows, sightings, primaryMs: busy.take(), through: leaf.through, ...evidence }
    if (leaf.through === undefined) return
    assertCurrent(comparison)
    hopeless = isHopeless ? hopeless + 1 : 0
    const because = hopeless === HOPELESS ? 'many leaves differ, one after the other' : noise.verdict
    if (because !== undefined) {
      notes.readRows(because)
      return yield* comparePages(comparison, pageRows, leaf.through)
    }
  }

  function tracedLeaf(leaf: TimedLeaf): Promise<ComparedLeaf> {
    return traced('twinspan.reconcile.range', { 'twinspan.entity': entity.name }, () => compareLeaf(leaf))
  }

  async function* cutLeaves(): AsyncGenerator<TimedLeaf> {
    for (let after = from; ; ) {
      const leaf = await nextLeaf(after)
      yield leaf
      if (leaf.through === undefined) return
      after = leaf.through
    }
  }

  async function nextLeaf(after: Key | undefined): Promise<TimedLeaf> {
    const { rows } = pace
    const stretch = after === undefined ? {} : { after }
    if (secondaryLeads) {
      const leaf = await timed(() => lead(secondary, stretch, rows), rows)
      if (isNarrow(leaf, rows)) return leaf
      // What is few rows on the secondary may be the whole table on the primary.
      secondaryLeads = leaf.through !== undefined && ++wideLeaves < MOST_WIDE
    }
    return timed(() => lead(primary, stretch, rows), rows)
  }

  async function timed(cut: () => Promise<Leaf>, asked: number): Promise<TimedLeaf> {
    const began = migration.now()
    const leaf = await cut()
    return { ...leaf, asked, ms: migration.now() - began }
  }

  /** The first rows of a stretch on one side; the whole of it when there are fewer. */
  async function lead(by: SideName, stretch: Stretch, rows: number): Promise<Leaf> {
    const store = entity[by]
    return on(by, async () => {
      if (store.digestFirst !== undefined) {
        const { through = stretch.through, ...led } = await store.digestFirst(stretch, rows, plan[by])
        return { ...stretch, ...(through === undefined ? {} : { through }), by, led }
      }
      const through = (await store.keyAt?.(stretch, rows)) ?? stretch.through
      const leaf = { ...stretch, ...(through === undefined ? {} : { through }) }
      return { ...leaf, by, led: await digest(by, leaf) }
    })
  }

  async function compareLeaf(leaf: TimedLeaf): Promise<ComparedLeaf> {
    const began = migration.now()
    const followed = await digest(otherSide(leaf.by), leaf)
    pace.saw(leaf.asked, Math.max(leaf.ms, migration.now() - began))
    const { rows } = leaf.by === primary ? leaf.led : followed
    if (same(leaf.led, followed)) return { leaf, rows, sightings: [], isHopeless: false, digest: followed.digest }
    const fuller = followed.rows > leaf.led.rows ? otherSide(leaf.by) : leaf.by
    return { leaf, rows, ...(await drillDown(leaf, fuller)) }
  }

  /** What differs in a leaf whose digests differed: most of what does under live traffic was on its way, and agrees now. */
  async function drillDown(leaf: Stretch, leader: SideName): Promise<Pick<ComparedLeaf, 'sightings' | 'isHopeless'>> {
    const { differing, isMost: isHopeless } = await split(leaf, leader, PART_ROWS)
    const sightings: Sighting[] = []
    const blamed = new Set<number>()
    for (const { part, led, followed } of differing) {
      const short = isHopeless ? [{ part }] : (await split(part, leader, SHORT_ROWS)).differing
      const seen: Sighting[] = []
      for (const { part } of short) seen.push(...(await compareStretch(comparison, part, PART_ROWS * 2)))
      sightings.push(...seen)
      // One part of a leaf is enough to blame a column.
      if (seen.length > 0 || blamed.size > 0) continue
      const [still, too] = [await digest(leader, part), await digest(otherSide(leader), part)]
      // Where one has changed meanwhile, users are at work and not the engines' ways of writing.
      if (!same(still, led) || !same(too, followed)) continue
      for (const column of await noisyColumns(part)) blamed.add(column)
    }
    noise.count(blamed)
    if (noise.verdict !== undefined) notes.warn(noise.verdict)
    return { sightings, isHopeless }
  }

  /** The parts of a stretch that differ, each of so many rows of one side as it holds them now. */
  async function split(
    { after, through }: Stretch,
    by: SideName,
    rows: number,
  ): Promise<{ readonly differing: readonly DifferingPart[]; readonly isMost: boolean }> {
    const whole = { ...(after === undefined ? {} : { after }), ...(through === undefined ? {} : { through }) }
    const parts = (await cutAtOnce(whole, by, rows)) ?? (await cutInTurn(whole, by, rows))
    const followed = await digests(otherSide(by), parts)
    const differing = parts.flatMap(({ by: _, led, ...part }, at) =>
      same(led, followed[at]) ? [] : [{ part, led, followed: followed[at] }],
    )
    return { differing, isMost: differing.length * 2 > parts.length }
  }

  async function cutAtOnce(whole: Stretch, by: SideName, rows: number): Promise<readonly Leaf[] | undefined> {
    const made = await on(by, async () => entity[by].digestParts?.(whole, rows, plan[by]))
    if (made === undefined || made.length === 0) return undefined
    // The last part ends where the stretch does, and so does whatever was written behind it meanwhile.
    return made.map(({ through, ...led }, at) => {
      const after = at === 0 ? whole.after : made[at - 1]?.through
      const end = at === made.length - 1 ? whole.through : through
      return { ...(after === undefined ? {} : { after }), ...(end === undefined ? {} : { through: end }), by, led }
    })
  }

  async function cutInTurn(whole: Stretch, by: SideName, rows: number): Promise<readonly Leaf[]> {
    const parts: Leaf[] = []
    for (let rest = whole; ; ) {
      const part = await lead(by, rest, rows)
      parts.push(part)
      if (part.through === undefined || part.through === whole.through) return parts
      rest = { ...whole, after: part.through }
    }
  }

  /** The columns of a stretch whose values are the same while their digests are not. */
  async function noisyColumns(part: Stretch): Promise<readonly number[]> {
    const blamed: number[] = []
    for (const at of plan[primary].keys()) {
      const [ours, theirs] = await Promise.all([digestColumn(primary, part, at), digestColumn(secondary, part, at)])
      if (!same(ours, theirs)) blamed.push(at)
    }
    return blamed
  }

  async function digestColumn(side: SideName, part: Stretch, at: number): Promise<Digest | undefined> {
    const column = plan[side][at]
    return column === undefined ? undefined : (await entity[side].digest?.([part], [column]))?.[0]
  }

  async function digest(side: SideName, stretch: Stretch): Promise<Digest> {
    return (await digests(side, [stretch]))[0] as Digest
  }

  async function digests(side: SideName, stretches: readonly Stretch[]): Promise<readonly Digest[]> {
    const made = await on(side, async () => entity[side].digest?.(stretches, plan[side]))
    if (made === undefined) throw new TypeError(`The ${side} store of "${entity.name}" has stopped making digests.`)
    return made
  }

  function on<T>(side: SideName, work: () => Promise<T>): Promise<T> {
    return side === primary ? busy.during(work) : work()
  }
}

/** Whether so few keys can lie in the leaf that no side holds many more rows in it than were asked for. */
function isNarrow({ after, through }: Stretch, rows: number): boolean {
  // Drivers hand large integers over as text.
  const isWhole = (key: Key | undefined): key is string | number | bigint => /^-?\d{1,20}$/.test(String(key))
  return isWhole(after) && isWhole(through) && BigInt(through) - BigInt(after) <= BigInt(rows * SPARSE)
}

function same(a: Digest | undefined, b: Digest | undefined): boolean {
  return a !== undefined && b !== undefined && a.rows === b.rows && a.digest === b.digest
}
