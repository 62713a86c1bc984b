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

export interface Verdict {
  readonly acknowledged: number
  readonly unknown: number
  /** Keys whose final value no sequence of the writes explains: an acknowledged write was lost, or something came back. */
  readonly lost: readonly string[]
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
 * Holds the final state of both databases against what the processes reported. Knows nothing of the library: a final value
 * is explained when it was written by a write that no later write must have overwritten. A write is later when it began
 * after the other one could take effect no more.
 */
export function judge(writes: readonly Write[], legacy: Image, target: Image): Verdict {
  const byKey = new Map<number, Write[]>()
  for (const write of writes) {
    const known = byKey.get(write.key)
    if (known === undefined) byKey.set(write.key, [write])
    else known.push(write)
  }
  const lost: string[] = []
  const divergent: string[] = []
  for (const key of new Set([...byKey.keys(), ...legacy.keys(), ...target.keys()])) {
    const [found, other] = [legacy.get(key), target.get(key)]
    if (found?.value !== other?.value || found?.rest !== other?.rest)
      divergent.push(`key ${key}: ${describe(found)} on legacy, ${describe(other)} on target`)
    const mine = byKey.get(key) ?? []
    if (!isExplained(found?.value ?? null, mine))
      lost.push(`key ${key}: ${describe(found)} is there, the last acknowledged was ${lastOf(mine)}`)
  }
  const acknowledged = writes.filter((write) => write.acknowledged !== undefined).length
  return { acknowledged, unknown: writes.length - acknowledged, lost, divergent }
}

function isExplained(found: string | null, writes: readonly Write[]): boolean {
  const isOverwritten = (end: bigint | undefined): boolean =>
    end !== undefined && writes.some((later) => later.acknowledged !== undefined && later.begun > end)
  // Before the first write the key was absent, and that ended before all of them began.
  if (found === null && !isOverwritten(0n)) return true
  return writes.some((write) => write.value === found && !isOverwritten(write.acknowledged ?? write.buried))
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
  end(id: number, at: bigint, effects: readonly Effect[]): void
  /** The process is dead: whatever it had sent takes effect before `at`, or never. */
  bury(at: bigint): void
  readonly writes: readonly Write[]
}

export function createDiary(): Diary {
  const open = new Map<number, { readonly begun: bigint; readonly possible: readonly Effect[] }>()
  const ended: Write[] = []
  let buried: bigint | undefined
  return {
    begin(id, begun, possible) {
      open.set(id, { begun, possible })
    },
    end(id, acknowledged, effects) {
      const begun = open.get(id)?.begun
      if (begun === undefined) throw new Error(`Write ${id} ended and never began.`)
      open.delete(id)
      for (const [key, value] of effects) ended.push({ key, value, begun, acknowledged, buried: undefined })
    },
    bury(at) {
      buried = at
    },
    get writes() {
      const unknown = [...open.values()].flatMap(({ begun, possible }) =>
        possible.map(([key, value]): Write => ({ key, value, begun, acknowledged: undefined, buried })),
      )
      return [...ended, ...unknown]
    },
  }
}
