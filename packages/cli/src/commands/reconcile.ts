import type { Entity, SweepRecord } from '@twinspan/core'
import {
  type CompareOptions,
  type Finding,
  outcomeOf,
  reconcile,
  type SampleResult,
  sweepTable,
} from '@twinspan/reconcile'
import { Option } from 'commander'
import type { CommandDefinition, Context } from '../command.ts'
import type { Outcome } from '../exit-status.ts'
import { numberBetween } from '../numbers.ts'
import { createProgress } from '../progress.ts'
import type { Session } from '../session.ts'
import { clean, count, wrap } from '../text.ts'

interface ReconcileFlags {
  readonly sample?: number
  readonly repair?: boolean
  readonly reveal: 'nothing' | 'keys' | 'values'
  readonly maxLoad?: number
}

const OUTCOMES: Readonly<Record<ReturnType<typeof outcomeOf>, Outcome>> = {
  equal: 'done',
  drift: 'blocked',
  undecided: 'unsettled',
}

export const reconcileCommand: CommandDefinition<ReconcileFlags> = {
  usage: 'reconcile [entities...]',
  summary: 'compare both sides row by row, or a sample of them',
  details:
    'Status 1 when they differ, also where that was repaired: that they agree is for the next sweep to say. A sweep that is stopped records nothing and begins anew.',
  examples: ['reconcile', 'reconcile users --repair', 'reconcile --sample 30000 --json'],
  options: [
    new Option('--sample <keys>', 'compare a random sample of this size').argParser(numberBetween(1)),
    new Option('--repair', 'hand what drifted to the mirror').conflicts('sample'),
    new Option('--reveal <what>', 'what findings tell beside fields; both may be personal data')
      .choices(['nothing', 'keys', 'values'])
      .default('nothing'),
    new Option('--max-load <share>', 'share of the time that the primary may be busy (default: 0.5)')
      .argParser(numberBetween(0.001, 1))
      .conflicts('sample'),
  ],
  async run(context, flags, names) {
    const session = await context.open()
    const outcomes: Outcome[] = []
    if (flags.repair === true) session.mirror()
    for (const entity of session.entities(names)) {
      const outcome = flags.sample === undefined ? sweep : sample
      outcomes.push(await outcome(context, session, entity, flags))
    }
    return (['blocked', 'unsettled'] as const).find((outcome) => outcomes.includes(outcome)) ?? 'done'
  },
}

async function sweep(
  { host, output }: Context,
  { migration }: Session,
  entity: Entity,
  { repair = false, reveal, maxLoad }: ReconcileFlags,
): Promise<Outcome> {
  const progress = createProgress(host, output)
  const total = (await entity[migration.snapshot.plan.primary].count?.())?.rows ?? null
  const sweeping = reconcile.sweep(migration, entity, {
    repair,
    reveal,
    signal: host.signal,
    ...(maxLoad === undefined ? {} : { maxPrimaryLoad: maxLoad }),
    onProgress: ({ rows, drift }) =>
      progress.update(entity.name, { done: rows, total, note: drift === 0 ? '' : `${count(drift)} drifted` }),
  })
  let record: SweepRecord
  try {
    for (;;) {
      const step = await sweeping.next()
      if (step.done === true) {
        record = step.value
        break
      }
      tellFinding(output, step.value)
    }
  } finally {
    progress.stop()
  }
  output.object({ type: 'sweep', ...record })
  output.lines(sweepTable(record))
  return OUTCOMES[outcomeOf(record)]
}

async function sample(
  { host, output }: Context,
  { migration }: Session,
  entity: Entity,
  { sample: size, reveal }: ReconcileFlags,
): Promise<Outcome> {
  const options: CompareOptions = { reveal, signal: host.signal }
  const result = await reconcile.sample(migration, entity, { ...options, ...(size === undefined ? {} : { size }) })
  const { findings, ...figures } = result
  for (const finding of findings) tellFinding(output, finding)
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

function tellFinding(output: Context['output'], finding: Finding): void {
  const { entity, subject, reason, fields, key, values } = finding
  output.object({ type: 'finding', ...finding })
  const who = key === undefined ? subject.slice(0, 12) : clean(JSON.stringify(key, plain))
  const named = fields.map(({ name, reason: why }) => {
    const value = values?.[name]
    return value === undefined ? `${name} (${why})` : `${name} ${clean(JSON.stringify(value, plain) ?? '')}`
  })
  const [first = '', ...more] = wrap(`${reason}  ${entity} ${who}  ${named.join(', ')}`, output.width - 4)
  output.lines(...[`  ${first}`, ...more.map((line) => `    ${line}`)].map((line) => output.paint('bad', line)))
}

function plain(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value
}
