/** What one process reports of one write. Times are of the machine's monotonic clock, in nanoseconds. */
export interface Write {
  readonly key: number
  /** What was written, unique in the campaign; `null`: the key was deleted. */
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

type Image = ReadonlyMap<number, string>

/**
 * Holds the final state of both databases against what the processes reported. Knows nothing of the library: a final value
 * is explained when it was written by a write that no later write must have overwritten. A write is later when it began
 * after the other one could take effect no more.
 */
export function judge(writes: readonly Write[], legacy: Image, target: Image): Verdict {
  const byKey = new Map<number, Write[]>()
  for (const write of writes) byKey.set(write.key, [...(byKey.get(write.key) ?? []), write])
  const lost: string[] = []
  const divergent: string[] = []
  for (const key of new Set([...byKey.keys(), ...legacy.keys(), ...target.keys()])) {
    const found = legacy.get(key) ?? null
    if (found !== (target.get(key) ?? null))
      divergent.push(`key ${key}: ${found} on legacy, ${target.get(key) ?? null} on target`)
    const mine = byKey.get(key) ?? []
    if (!isExplained(found, mine)) lost.push(`key ${key}: ${found} is there, the last acknowledged was ${lastOf(mine)}`)
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
