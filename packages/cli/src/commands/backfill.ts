import { type BackfillOptions, type BackfillProgress, backfill } from '@twinspan/backfill'
import { describeHeldBack } from '@twinspan/core'
import { Option } from 'commander'
import type { CommandDefinition } from '../command.ts'
import { numberBetween } from '../numbers.ts'
import type { Output } from '../output.ts'
import { createProgress } from '../progress.ts'
import { clean, count, counted, duration } from '../text.ts'

interface BackfillFlags {
  readonly dryRun?: boolean
  readonly restart?: boolean
  readonly thorough?: boolean
  readonly maxLoad?: number
  readonly chunkRows?: number
  readonly errorBudget?: number
  readonly shards?: number
  readonly shard?: number
}

export const backfillCommand: CommandDefinition<BackfillFlags> = {
  usage: 'backfill [entities...]',
  summary: 'copy the rows that legacy had before anything was captured',
  details:
    'From dual-write to canary. Ctrl-C ends it after the chunk at work (status 130); started again, it goes on from there. Overwrites nothing.',
  examples: ['backfill', 'backfill users orders --max-load 0.2', 'backfill --dry-run', 'backfill users --shards 8'],
  options: [
    new Option('--dry-run', 'try every row in transactions that are rolled back'),
    new Option('--restart', 'begin at the first key'),
    new Option('--thorough', 'check every key of the target at the end'),
    new Option('--max-load <share>', 'share of the time that legacy may be busy (default: 0.05)').argParser(
      numberBetween(0.001, 1),
    ),
    new Option('--chunk-rows <rows>', 'the most rows in a chunk (default: 10000)').argParser(numberBetween(1)),
    new Option('--error-budget <rows>', 'rows that may fail for good (default: 100)').argParser(numberBetween(0)),
    new Option('--shards <number>', 'cut the keys in so many parts for workers on many machines').argParser(
      numberBetween(1, 10_000),
    ),
    new Option('--shard <number>', 'this worker is for one of the parts, counted from 0').argParser(
      numberBetween(0, 9_999),
    ),
  ],
  async run({ host, output, open }, flags, names) {
    const session = await open()
    const { dryRun = false, shard } = flags
    const entities = session.entities(names)
    if (!dryRun) session.mirror()
    const progress = createProgress(host, output)
    const reached: BackfillProgress[] = []
    const cancelled: string[] = []
    try {
      for (const entity of entities) {
        let last: BackfillProgress | undefined
        for await (const step of backfill(session.migration, entity, { ...optionsOf(flags), signal: host.signal })) {
          last = step
          output.object({ type: 'backfill', ...step })
          progress.update(entity.name, { done: step.rows, total: step.totalRows, note: noteOf(step) })
        }
        if (host.signal.aborted) return 'interrupted'
        if (last !== undefined) reached.push(last)
        // A worker of one shard ends before the others do; any other one ends early only where somebody said so.
        if (last?.done !== true && shard === undefined) cancelled.push(entity.name)
      }
    } finally {
      progress.stop()
    }
    for (const step of reached) output.lines(...resultLines(output, step, { dryRun, cancelled }))
    if (cancelled.length > 0) {
      output.note(`Ended by twinspan backfill cancel: ${cancelled.map(clean).join(', ')}. Lift it with resume.`)
      return 'blocked'
    }
    return reached.some(({ quarantined, problems }) => quarantined > 0 || Object.keys(problems).length > 0)
      ? 'blocked'
      : 'done'
  },
}

function optionsOf(flags: BackfillFlags): BackfillOptions {
  const { dryRun = false, restart = false, thorough = false, maxLoad, chunkRows, errorBudget, shards, shard } = flags
  return {
    dryRun,
    restart,
    thorough,
    ...(maxLoad === undefined ? {} : { maxLegacyLoad: maxLoad }),
    ...(chunkRows === undefined ? {} : { maxChunkRows: chunkRows }),
    ...(errorBudget === undefined ? {} : { errorBudget }),
    ...(shards === undefined ? {} : { shards }),
    ...(shard === undefined ? {} : { shard }),
  }
}

function resultLines(
  output: Output,
  { entity, rows, inserted, marked, quarantined, problems }: BackfillProgress,
  { dryRun, cancelled }: { readonly dryRun: boolean; readonly cancelled: readonly string[] },
): readonly string[] {
  const word = cancelled.includes(entity) ? 'Ended.' : dryRun ? 'Tried.' : 'Done.'
  const figures = [
    `${counted(rows, 'row')} read`,
    `${count(inserted)} ${dryRun ? 'would be ' : ''}inserted`,
    `${count(marked)} for the mirror`,
    `${count(quarantined)} ${dryRun ? 'would fail' : 'failed'}`,
  ]
  const reasons = Object.entries(problems).map(([reason, times]) => `  ${count(times).padStart(8)}  ${clean(reason)}`)
  return [
    `${output.paint(word === 'Done.' ? 'good' : 'doubt', word)} ${clean(entity)}: ${figures.join(', ')}`,
    ...reasons,
  ]
}

const SLOWED: Readonly<Record<string, string>> = {
  'legacy-load': '',
  paused: 'paused: twinspan backfill resume',
  claim: 'waits for other workers',
  phase: 'waits for a change of phase',
  health: 'waits for health',
  legacy: 'waits for legacy',
  target: 'waits for the target',
  store: 'waits for the store',
}

function noteOf({ etaMs, throttledBy, throttle, done }: BackfillProgress): string {
  if (done) return 'done'
  // That it rests by its share of legacy's time is how it works, and no news.
  const slowed = throttledBy === null ? '' : (SLOWED[throttledBy] ?? `slowed by ${describeHeldBack(throttle)}`)
  const left = etaMs === null ? '' : `${duration(etaMs)} left`
  return [left, slowed].filter((part) => part !== '').join(', ')
}
