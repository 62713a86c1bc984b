import type { Migration, SideName, TwinspanEvent } from '@twinspan/core'
import { createHistogram, type Histogram } from './histogram.ts'

const BIN_MS = 5_000
const BINS = 120

/** One side's reads in one stretch of time. */
export interface SideSeries {
  readonly reads: readonly number[]
  readonly errors: readonly number[]
  /** In milliseconds, `null` where nobody read. */
  readonly p50: readonly (number | null)[]
  readonly p95: readonly (number | null)[]
}

/** The last ten minutes as this process saw them, oldest first. */
export interface Observed {
  /** When the first bin began, in milliseconds since 1970. */
  readonly from: number
  readonly binMs: number
  readonly legacy: SideSeries
  readonly target: SideSeries
  readonly writes: readonly number[]
  readonly failedWrites: readonly number[]
  /** Rows in the primary's journal, `null` where nobody looked. */
  readonly depth: readonly (number | null)[]
  /** The last that was heard of each entity's backfill, of one that runs in this process. */
  readonly backfill: Readonly<Record<string, { readonly totalRows: number; readonly etaMs: number | null }>>
  /** Users who have not migrated, by the scheme of their hash; empty when nobody counted in this process. */
  readonly loginsRemaining: Readonly<Record<string, number>>
  /** The logins that this process has seen since it began. */
  readonly logins: Logins
  /** What the guard of this process said last, of what it saw itself and, where it judges for all, of what all saw. */
  readonly guard: Readonly<Record<string, GuardEvidence>>
  /** Whether this process sends nobody to target for a while, because target fails it. */
  readonly rests: boolean
  /** What cannot be reached from this process. */
  readonly unreachable: readonly string[]
}

export interface Logins {
  readonly ok: number
  readonly refused: number
  /** Passwords that moved into the target, by the scheme that they had. */
  readonly upgraded: Readonly<Record<string, number>>
}

/** What speaks most against target, by what one tier of the guard has seen. */
export interface GuardEvidence {
  readonly signal: string
  readonly verdict: string
  readonly strength: number
  readonly needed: number
}

/** Listens to a migration. Costs an addition per event. */
export interface Recorder {
  observed(): Observed
  /** A look at the primary's journal. */
  journal(depth: number): void
  stop(): void
}

interface Bin {
  readonly index: number
  readonly sides: Readonly<Record<SideName, { readonly durations: Histogram; errors: number }>>
  writes: number
  failedWrites: number
  depth: number | null
}

export function createRecorder(migration: Pick<Migration, 'events' | 'now'>): Recorder {
  const bins: Bin[] = []
  const backfill = new Map<string, { totalRows: number; etaMs: number | null }>()
  const logins = new Map<string, number>()
  const guard = new Map<string, GuardEvidence>()
  const unreachable = new Set<string>()
  const upgraded = new Map<string, number>()
  let [ok, refused, rests] = [0, 0, false]

  function current(): Bin {
    const index = Math.floor(migration.now() / BIN_MS)
    const last = bins.at(-1)
    if (last !== undefined && last.index >= index) return last
    const bin = newBin(index)
    bins.push(bin)
    if (bins.length > BINS) bins.shift()
    return bin
  }

  function hear(event: TwinspanEvent): void {
    switch (event.type) {
      case 'read-outcome': {
        const side = current().sides[event.side]
        side.durations.record(event.durationMs)
        if (!event.ok) side.errors++
        return
      }
      case 'write': {
        const bin = current()
        bin.writes++
        if (event.failedOn === 'primary') bin.failedWrites++
        return
      }
      case 'journal':
        current().depth = event.depth
        return
      case 'backfill':
        backfill.set(event.entity, { totalRows: event.totalRows, etaMs: event.etaMs })
        return
      case 'auth-remaining':
        logins.set(event.scheme, event.users)
        return
      case 'auth':
        if (event.outcome === 'ok') ok++
        else if (event.outcome !== 'changed') refused++
        if (event.outcome === 'ok' && event.upgraded) upgraded.set(event.scheme, (upgraded.get(event.scheme) ?? 0) + 1)
        return
      case 'breaker':
        rests = event.open
        return
      case 'guard':
        guard.set(event.tier === 'all' ? 'all processes' : 'this process', {
          signal: event.signal,
          verdict: event.verdict,
          strength: event.strength,
          needed: event.needed,
        })
        return
      case 'reachable':
        if (event.reachable) unreachable.delete(event.what)
        else unreachable.add(event.what)
        return
      default:
    }
  }

  const stop = migration.events.on('*', hear)
  return {
    stop,
    journal(depth) {
      current().depth = depth
    },
    observed() {
      const newest = Math.floor(migration.now() / BIN_MS)
      const oldest = newest - BINS + 1
      const held = new Map(bins.map((bin) => [bin.index, bin]))
      const line = Array.from({ length: BINS }, (_, at) => held.get(oldest + at) ?? newBin(oldest + at))
      return {
        from: oldest * BIN_MS,
        binMs: BIN_MS,
        legacy: seriesOf(line, 'legacy'),
        target: seriesOf(line, 'target'),
        writes: line.map((bin) => bin.writes),
        failedWrites: line.map((bin) => bin.failedWrites),
        depth: line.map((bin) => bin.depth),
        backfill: Object.fromEntries(backfill),
        loginsRemaining: Object.fromEntries(logins),
        logins: { ok, refused, upgraded: Object.fromEntries(upgraded) },
        guard: Object.fromEntries(guard),
        rests,
        unreachable: [...unreachable],
      }
    },
  }
}

function newBin(index: number): Bin {
  const side = () => ({ durations: createHistogram(), errors: 0 })
  return { index, sides: { legacy: side(), target: side() }, writes: 0, failedWrites: 0, depth: null }
}

function seriesOf(line: readonly Bin[], name: SideName): SideSeries {
  const sides = line.map((bin) => bin.sides[name])
  return {
    reads: sides.map(({ durations }) => durations.count),
    errors: sides.map(({ errors }) => errors),
    p50: sides.map(({ durations }) => durations.quantile(0.5)),
    p95: sides.map(({ durations }) => durations.quantile(0.95)),
  }
}
