import type { Effect } from './messages.ts'

/** What one process reports of one write at one key. Times are of the machine's monotonic clock, in nanoseconds. */
export interface Write {
  readonly key: number
  /** What was written, unique in the campaign; `null`: the row went. */
  readonly value: string | null
  readonly begun: bigint
  /** When it was acknowledged; `undefined` when it never was: it may have happened, and may not. */
  readonly acknowledged: bigint | undefined
  /** When it can no longer take effect, if it was not acknowledged: its process is dead and its sessions are gone. */
  readonly buried: bigint | undefined
}

/** What a write found at its key, under the lock of the row, before it overwrote it. */
export interface Sighting {
  readonly key: number
  readonly value: string | null
  /** When the write began that saw it. */
  readonly begun: bigint
}

export interface Verdict {
  readonly acknowledged: number
  readonly unknown: number
  /** Keys whose final value no sequence of the writes explains: an acknowledged write was lost, or something came back. */
  readonly lost: readonly string[]
  /** The same, seen on the way: what a write found was overwritten before it began. */
  readonly lostMeanwhile: readonly string[]
  /** Keys that differ between the two databases. */
  readonly divergent: readonly string[]
}

/** A row as a database holds it in the end: the value, and whatever else has to be the same on both sides. */
export interface Held {
  readonly value: string
  readonly rest: string | null
}

export type Image = ReadonlyMap<number, Held>

/**
 * Holds the final state of both databases, and what writes saw on the way, against what the processes reported. Knows nothing
 * of the library: a value is explained when it was written by a write that no later write must have overwritten. A write is
 * later when it began after the other one could take effect no more.
 */
export function judge(
  writes: readonly Write[],
  legacy: Image,
  target: Image,
  sightings: readonly Sighting[] = [],
): Verdict {
  const byKey = groupBy(writes, ({ key }) => key)
  const seenByKey = groupBy(sightings, ({ key }) => key)
  const lost: string[] = []
  const lostMeanwhile: string[] = []
  const divergent: string[] = []
  for (const key of new Set([...byKey.keys(), ...legacy.keys(), ...target.keys()])) {
    const [found, other] = [legacy.get(key), target.get(key)]
    if (found?.value !== other?.value || found?.rest !== other?.rest)
      divergent.push(`key ${key}: ${describe(found)} on legacy, ${describe(other)} on target`)
    const mine = byKey.get(key) ?? []
    const explains = createExplanation(mine)
    if (!explains(found?.value ?? null, END))
      lost.push(`key ${key}: ${describe(found)} is there, the last acknowledged was ${lastOf(mine)}`)
    for (const { value, begun } of seenByKey.get(key) ?? []) {
      if (!explains(value, begun)) lostMeanwhile.push(`key ${key}: a write that began at ${begun} found ${value}`)
    }
  }
  const acknowledged = writes.filter((write) => write.acknowledged !== undefined).length
  return { acknowledged, unknown: writes.length - acknowledged, lost, lostMeanwhile, divergent }
}

/** After everything. */
const END = 2n ** 63n

/** Whether a value can be there at a time, by the writes of its key. */
function createExplanation(writes: readonly Write[]): (value: string | null, at: bigint) => boolean {
  const byValue = groupBy(writes, ({ value }) => value)
  const acknowledged = writes
    .flatMap(({ begun, acknowledged: ended }) => (ended === undefined ? [] : [{ begun, ended }]))
    .sort((a, b) => (a.ended < b.ended ? -1 : 1))
  // The latest beginning among the first so many that ended.
  const latest: bigint[] = []
  for (const { begun } of acknowledged) {
    const before = latest.at(-1) ?? 0n
    latest.push(begun > before ? begun : before)
  }
  /** When the last of the writes began that had all ended by then: what ended earlier than that is overwritten. */
  const overwrittenBefore = (at: bigint): bigint => {
    let [low, high] = [0, acknowledged.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((acknowledged[middle]?.ended ?? END) < at) low = middle + 1
      else high = middle
    }
    return latest[low - 1] ?? 0n
  }
  return (value, at) => {
    const floor = overwrittenBefore(at)
    // Before the first write the key was absent.
    if (value === null && floor === 0n) return true
    return (byValue.get(value) ?? []).some((write) => (write.acknowledged ?? write.buried ?? END) >= floor)
  }
}

function groupBy<T, Key>(items: readonly T[], keyOf: (item: T) => Key): ReadonlyMap<Key, readonly T[]> {
  const groups = new Map<Key, T[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group === undefined) groups.set(keyOf(item), [item])
    else group.push(item)
  }
  return groups
}

function lastOf(writes: readonly Write[]): string | null {
  const acknowledged = writes.filter((write) => write.acknowledged !== undefined)
  acknowledged.sort((a, b) => (a.begun < b.begun ? -1 : 1))
  return acknowledged.at(-1)?.value ?? null
}

function describe(held: Held | undefined): string {
  return held === undefined ? 'nothing' : `${held.value} (${held.rest})`
}

/** What one process wrote, as it tells of it. */
export interface Diary {
  begin(id: number, at: bigint, possible: readonly Effect[]): void
  end(id: number, at: bigint, effects: readonly Effect[], before?: Effect): void
  /** The process is dead: whatever it had sent takes effect before `at`, or never. */
  bury(at: bigint): void
  readonly writes: readonly Write[]
  readonly sightings: readonly Sighting[]
}

export function createDiary(): Diary {
  const open = new Map<number, { readonly begun: bigint; readonly possible: readonly Effect[] }>()
  const ended: Write[] = []
  const sightings: Sighting[] = []
  let buried: bigint | undefined
  return {
    begin(id, begun, possible) {
      open.set(id, { begun, possible })
    },
    end(id, acknowledged, effects, before) {
      const begun = open.get(id)?.begun
      if (begun === undefined) throw new Error(`Write ${id} ended and never began.`)
      open.delete(id)
      if (before !== undefined) sightings.push({ key: before[0], value: before[1], begun })
      for (const [key, value] of effects) ended.push({ key, value, begun, acknowledged, buried: undefined })
    },
    bury(at) {
      buried = at
    },
    sightings,
    get writes() {
      const unknown = [...open.values()].flatMap(({ begun, possible }) =>
        possible.map(([key, value]): Write => ({ key, value, begun, acknowledged: undefined, buried })),
      )
      return [...ended, ...unknown]
    },
  }
}
