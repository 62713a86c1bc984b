import { resolve } from 'node:path'
import type { Entity, SweepRecord } from '@twinspan/core'
import { type Finding, outcomeOf, reconcile, type SampleResult, sweepTable } from '@twinspan/reconcile'
import { Option } from 'commander'
import type { CommandDefinition, Context } from '../command.ts'
import { type CompareFlags, MAX_LOAD, OUTCOMES, REPAIR, REVEAL, worst } from '../compare-flags.ts'
import type { Outcome } from '../exit-status.ts'
import { createFindingTeller } from '../finding-teller.ts'
import { numberBetween } from '../numbers.ts'
import { createProgress } from '../progress.ts'
import type { Session } from '../session.ts'
import { openSweepReport } from '../sweep-report.ts'
import { count } from '../text.ts'

interface ReconcileFlags extends CompareFlags {
  readonly sample?: number
  readonly track?: boolean
  readonly report?: string
}

export const reconcileCommand: CommandDefinition<ReconcileFlags> = {
  usage: 'reconcile [entities...]',
  summary: 'compare both sides row by row, or a sample of them',
  details:
    'Status 1 when they differ, also where that was repaired: that they agree is for the next sweep to say. A sweep that is stopped records nothing and begins anew.',
  examples: ['reconcile', 'reconcile users --repair --report ./report', 'reconcile --sample 30000 --json'],
  options: [
    new Option('--sample <keys>', 'compare a random sample of this size').argParser(numberBetween(1)),
    REPAIR().conflicts('sample'),
    REVEAL(),
    MAX_LOAD('0.2').conflicts('sample'),
    new Option('--track', 'remember what changes from now on, for resweep').conflicts('sample'),
    new Option('--report <directory>', 'write <entity>.html and <entity>.jsonl there as well').conflicts('sample'),
  ],
  async run(context, flags, names) {
    const session = await context.open()
    const outcomes: Outcome[] = []
    if (flags.repair === true) session.mirror()
    for (const entity of session.entities(names)) {
      const outcome = flags.sample === undefined ? sweep : sample
      outcomes.push(await outcome(context, session, entity, flags))
    }
    return worst(outcomes)
  },
}

async function sweep(
  { host, output }: Context,
  { migration }: Session,
  entity: Entity,
  { repair = false, track = false, reveal, maxLoad, report: directory }: ReconcileFlags,
): Promise<Outcome> {
  const progress = createProgress(host, output)
  const teller = createFindingTeller(output)
  const report = await openSweepReport(directory && resolve(host.cwd, directory), entity.name)
  const total = (await entity[migration.snapshot.plan.primary].count?.())?.rows ?? null
  const findings = reconcile.sweep(migration, entity, {
    repair,
    reveal,
    trackChanges: track,
    signal: host.signal,
    ...(maxLoad === undefined ? {} : { maxPrimaryLoad: maxLoad }),
    onProgress: ({ rows, drift }) =>
      progress.update(entity.name, { done: rows, total, note: drift === 0 ? '' : `${count(drift)} drifted` }),
  })
  let record: SweepRecord
  try {
    record = await listen(findings, (finding) => {
      report.add(finding)
      teller.tell(finding)
    })
  } catch (error) {
    await report.abandon()
    throw error
  } finally {
    progress.stop()
    teller.end(directory === undefined ? '--report or --json has all of them' : 'the report has all of them')
  }
  const files = await report.end(record)
  output.object({ type: 'sweep', ...record })
  output.lines(sweepTable(record), ...(files.length === 0 ? [] : ['', ...files.map((file) => `  Wrote ${file}`)]))
  return OUTCOMES[outcomeOf(record)]
}

/** Tells of each finding, and answers with what comes at the end. */
export async function listen<Last>(
  findings: AsyncGenerator<Finding, Last>,
  tell: (finding: Finding) => void,
): Promise<Last> {
  for (;;) {
    const step = await findings.next()
    if (step.done === true) return step.value
    tell(step.value)
  }
}

async function sample(
  { host, output }: Context,
  { migration }: Session,
  entity: Entity,
  { sample: size, reveal }: ReconcileFlags,
): Promise<Outcome> {
  const options = { reveal, signal: host.signal, ...(size === undefined ? {} : { size }) }
  const result = await reconcile.sample(migration, entity, options)
  const { findings, ...figures } = result
  const teller = createFindingTeller(output)
  for (const finding of findings) teller.tell(finding)
  teller.end('--json has all of them')
  output.object({ type: 'sample', ...figures })
  output.lines(...sampleLines(result))
  if (result.mismatched > 0) return 'blocked'
  return result.undecided > 0 ? 'unsettled' : 'done'
}

function sampleLines({ entity, compared, mismatched, undecided, lowerBound95 }: SampleResult): readonly string[] {
  return [
    `${entity}: ${count(compared)} compared, ${count(mismatched)} differ, ${count(undecided)} undecided`,
    `  parity of all keys at least ${(Math.floor(lowerBound95 * 1e6) / 1e4).toFixed(4)} %, at 95 % confidence`,
  ]
}
