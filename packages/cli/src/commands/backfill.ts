import { type BackfillProgress, backfill } from '@twinspan/backfill'
import { Option } from 'commander'
import type { CommandDefinition } from '../command.ts'
import { numberBetween } from '../numbers.ts'
import { createProgress } from '../progress.ts'
import { count, counted, duration } from '../text.ts'

interface BackfillFlags {
  readonly dryRun?: boolean
  readonly restart?: boolean
  readonly thorough?: boolean
  readonly maxLoad?: number
  readonly chunkRows?: number
  readonly errorBudget?: number
}

export const backfillCommand: CommandDefinition<BackfillFlags> = {
  usage: 'backfill [entities...]',
  summary: 'copy the rows that legacy had before anything was captured',
  details:
    'From dual-write to canary. Ctrl-C ends it after the chunk at work (status 130); started again, it goes on from there. Overwrites nothing.',
  examples: ['backfill', 'backfill users orders --max-load 0.2', 'backfill --dry-run'],
  options: [
    new Option('--dry-run', 'try every row in transactions that are rolled back'),
    new Option('--restart', 'begin at the first key'),
    new Option('--thorough', 'check every key of the target at the end'),
    new Option('--max-load <share>', 'share of the time that legacy may be busy (default: 0.5)').argParser(
      numberBetween(0.001, 1),
    ),
    new Option('--chunk-rows <rows>', 'the most rows in a chunk (default: 10000)').argParser(numberBetween(1)),
    new Option('--error-budget <rows>', 'rows that may fail for good (default: 100)').argParser(numberBetween(0)),
  ],
  async run({ host, output, open }, flags, names) {
    const session = await open()
    const { dryRun = false, restart = false, thorough = false, maxLoad, chunkRows, errorBudget } = flags
    const entities = session.entities(names)
    if (!dryRun) session.mirror()
    const progress = createProgress(host, output)
    const reached: BackfillProgress[] = []
    try {
      for (const entity of entities) {
        let last: BackfillProgress | undefined
        for await (const step of backfill(session.migration, entity, {
          dryRun,
          restart,
          thorough,
          signal: host.signal,
          ...(maxLoad === undefined ? {} : { maxLegacyLoad: maxLoad }),
          ...(chunkRows === undefined ? {} : { maxChunkRows: chunkRows }),
          ...(errorBudget === undefined ? {} : { errorBudget }),
        })) {
          last = step
          output.object({ type: 'backfill', ...step })
          progress.update(entity.name, { done: step.rows, total: step.totalRows, note: noteOf(step) })
        }
        if (last !== undefined) reached.push(last)
        if (host.signal.aborted) return 'interrupted'
      }
    } finally {
      progress.stop()
    }
    for (const { entity, rows, inserted, marked, quarantined, problems } of reached) {
      output.lines(
        `${output.paint('good', dryRun ? 'Tried.' : 'Done.')} ${entity}: ${counted(rows, 'row')} read, ${count(inserted)} ${dryRun ? 'would be ' : ''}inserted, ${count(marked)} for the mirror, ${count(quarantined)} failed`,
      )
      for (const [reason, times] of Object.entries(problems)) output.lines(`  ${count(times).padStart(8)}  ${reason}`)
    }
    return reached.some(({ quarantined, problems }) => quarantined > 0 || Object.keys(problems).length > 0)
      ? 'blocked'
      : 'done'
  },
}

function noteOf({ etaMs, throttledBy, done }: BackfillProgress): string {
  if (done) return 'done'
  const left = etaMs === null ? [] : [`${duration(etaMs)} left`]
  return [...left, ...(throttledBy === null ? [] : [`slowed by ${throttledBy}`])].join(', ')
}
