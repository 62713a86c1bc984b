// npm run bench -- throttle [--rows=1000000] [--turn=15000] [--turns=3] [--only=postgres|mariadb]
// What the users of legacy notice of a backfill and of a sweep with their default settings. Each turn begins a job of its own, and what
// that costs once is in proportion to the length of a turn.
import { backfill } from '@twinspan/backfill'
import { reconcile } from '@twinspan/reconcile'
import type { BenchContext, Cases, Measurement } from './bench.ts'
import { inTurns, openReader } from './throttle/reading.ts'
import { measureSlowdown } from './throttle/slowdown.ts'
import { type LegacyEngine, openWorld, type ThrottleWorld } from './throttle/world.ts'

const READS_PER_SECOND = 100
/** Fills the target with what the turns left over. */
const UNTHROTTLED = { maxLegacyLoad: 1, probeEveryMs: 0, maxTargetCommitMs: 60_000, maxEventLoopLagMs: 60_000 }

function settingsOf({ args }: BenchContext): { rows: number; turn: { ms: number; count: number }; only: string } {
  const option = (name: string, fallback: string): string =>
    args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3) ?? fallback
  return {
    rows: Number(option('rows', '1000000')),
    turn: { ms: Number(option('turn', '15000')), count: Number(option('turns', '3')) },
    only: option('only', ''),
  }
}

/** Idle against at work, for a backfill and then for sweeps of what it copied. */
async function noticed(engine: LegacyEngine, context: BenchContext): Promise<readonly Measurement[]> {
  const { rows, turn, only } = settingsOf(context)
  if (only !== '' && only !== engine) return []
  context.note(`${engine}: filling ${rows} rows ...`)
  const world = await openWorld(engine, rows)
  const url = world.legacy.url ?? ''
  const reader = await openReader({ engine, url, rows, perSecond: READS_PER_SECOND })
  try {
    context.note(`${engine}: backfill ...`)
    const ofBackfill = await duringBackfill(world, (work) => inTurns(reader, turn, work))
    context.note(`${engine}: the rest of it ...`)
    for await (const _ of backfill(world.migration, world.accounts, UNTHROTTLED));
    context.note(`${engine}: sweep ...`)
    const ofSweep = await duringSweep(world, (work) => inTurns(reader, turn, work))
    return [...named('backfill', ofBackfill), ...named('sweep', ofSweep)]
  } finally {
    await reader.close()
    await world.close()
  }
}

type Turns = (work: (signal: AbortSignal) => Promise<boolean>) => Promise<readonly Measurement[]>

async function duringBackfill({ migration, accounts }: ThrottleWorld, turns: Turns): Promise<readonly Measurement[]> {
  let [rows, ms] = [0, 0]
  const figures = await turns(async (signal) => {
    const began = performance.now()
    let [first, last, done] = [-1, 0, false]
    for await (const progress of backfill(migration, accounts, { signal })) {
      if (first < 0) first = progress.rows - progress.chunkRows
      last = progress.rows
      done = progress.done
    }
    rows += last - Math.max(0, first)
    ms += performance.now() - began
    return !done
  })
  return [...figures, { metric: 'rows_per_second', value: (rows / ms) * 1_000, unit: 'rows/s' }]
}

async function duringSweep(
  { migration, accounts, rows }: ThrottleWorld,
  turns: Turns,
): Promise<readonly Measurement[]> {
  let [sweeps, ms] = [0, 0]
  const figures = await turns(async (signal) => {
    for (; !signal.aborted; sweeps++) {
      const at = performance.now()
      for await (const finding of reconcile.sweep(migration, accounts))
        throw new Error(`a row differs: ${finding.reason}`)
      ms += performance.now() - at
    }
    return true
  })
  return [...figures, { metric: 'rows_per_second', value: ((rows * sweeps) / ms) * 1_000, unit: 'rows/s' }]
}

function named(job: string, figures: readonly Measurement[]): readonly Measurement[] {
  return figures.map((figure) => ({ ...figure, metric: `${job}.${figure.metric}` }))
}

async function slowed(engine: LegacyEngine, context: BenchContext): Promise<readonly Measurement[]> {
  const { rows, only } = settingsOf(context)
  return only !== '' && only !== engine ? [] : measureSlowdown(engine, rows, context.note)
}

export const cases: Cases = {
  'throttle.slowdown.postgres': (context) => slowed('postgres', context),
  'throttle.slowdown.mariadb': (context) => slowed('mariadb', context),
  'throttle.postgres': (context) => noticed('postgres', context),
  'throttle.mariadb': (context) => noticed('mariadb', context),
}
