import type { Document } from '@twinspan/core'
import type { BadAt } from './bad-unit.ts'
import type { Comparison, Counts } from './counts.ts'
import { addDeltas, type GuardDeltas, type IntegrityCounts, NO_DELTAS, QUANTILES, type Quantile } from './deltas.ts'
import { createOncePer, type OncePer } from './once-per.ts'
import type { SharedCounts } from './shared.ts'

/** What all processes have counted since it was last asked, as if one had seen it all. */
export interface Gatherer {
  gather(now: number, documents: ReadonlyMap<string, Document>): GuardDeltas
  /** The documents in which nothing has changed for long. Their processes are gone, or have nothing to say. */
  silent(now: number): readonly string[]
}

interface Known {
  readonly version: number
  readonly changedAt: number
  readonly sums: Required<GuardDeltas>
  readonly number: number
}

const SILENT_MS = 600_000

export function createGatherer(oncePerMs: number): Gatherer {
  const known = new Map<string, Known>()
  const onces = new Map<BadAt, OncePer>()
  // What was counted before this one began to watch is history that somebody else has judged.
  let isFirst = true

  /** Whether a unit was bad in another process lately. Within one process it was counted once anyway. */
  function isRepeat(now: number, at: BadAt, hash: number): boolean {
    const once = onces.get(at) ?? createOncePer(oncePerMs)
    onces.set(at, once)
    return !once.admit(now, String(hash))
  }

  function newsOf(now: number, before: Known | undefined, { sums, bad }: SharedCounts): Required<GuardDeltas> {
    let news = minus(sums, before?.sums ?? NO_DELTAS)
    // Sums only grow: these are those of a process that has begun anew.
    if (isNegative(news)) news = sums
    for (const [number, at, hash] of bad) {
      if (number > (before?.number ?? 0) && isRepeat(now, at, hash)) news = without(news, at)
    }
    return news
  }

  return {
    gather(now, documents) {
      let all = NO_DELTAS
      for (const [name, { value, version }] of documents) {
        const before = known.get(name)
        if (before?.version === version) continue
        const counts = value as unknown as SharedCounts
        // A lower version is a document that was removed and written anew.
        const since = before !== undefined && before.version < version ? before : undefined
        const news = newsOf(now, since, counts)
        if (!isFirst) all = addDeltas(all, news)
        known.set(name, {
          version,
          changedAt: now,
          sums: counts.sums,
          number: counts.bad.at(-1)?.[0] ?? since?.number ?? 0,
        })
      }
      for (const name of known.keys()) if (!documents.has(name)) known.delete(name)
      isFirst = false
      return all
    },
    silent: (now) => [...known].filter(([, { changedAt }]) => now - changedAt > SILENT_MS).map(([name]) => name),
  }
}

function minus(a: Required<GuardDeltas>, b: Required<GuardDeltas>): Required<GuardDeltas> {
  return {
    errors: minusBoth(a.errors, b.errors),
    latency: Object.fromEntries(
      QUANTILES.map((quantile) => [quantile, minusBoth(a.latency[quantile], b.latency[quantile])]),
    ) as Record<Quantile, Comparison>,
    integrity: minusIntegrity(a.integrity, b.integrity),
  }
}

function isNegative({ errors, integrity }: Required<GuardDeltas>): boolean {
  return errors.legacy.total < 0 || errors.target.total < 0 || integrity.compared < 0
}

function minusBoth(a: Comparison, b: Comparison): Comparison {
  return { legacy: minusCounts(a.legacy, b.legacy), target: minusCounts(a.target, b.target) }
}

function minusCounts(a: Counts, b: Counts): Counts {
  return { total: a.total - b.total, bad: a.bad - b.bad }
}

function minusIntegrity(a: IntegrityCounts, b: IntegrityCounts): IntegrityCounts {
  const classes = Object.entries(a.classes ?? {}).map(([name, count]) => [name, count - (b.classes?.[name] ?? 0)])
  return {
    compared: a.compared - b.compared,
    mismatched: a.mismatched - b.mismatched,
    classes: Object.fromEntries(classes),
  }
}

/** One bad outcome less, and one trial less: what does not count as bad does not count as good either. */
function without(deltas: Required<GuardDeltas>, at: BadAt): Required<GuardDeltas> {
  const one: Counts = { total: 1, bad: 1 }
  if (at === 'integrity') {
    const { compared, mismatched, ...rest } = deltas.integrity
    return { ...deltas, integrity: { ...rest, compared: compared - 1, mismatched: mismatched - 1 } }
  }
  const [signal, side] = at.split('.') as ['errors' | Quantile, 'legacy' | 'target']
  const less = (counts: Comparison): Comparison => ({ ...counts, [side]: minusCounts(counts[side], one) })
  if (signal === 'errors') return { ...deltas, errors: less(deltas.errors) }
  return { ...deltas, latency: { ...deltas.latency, [signal]: less(deltas.latency[signal]) } }
}
