// What a user's write takes, and how many of them go through, on real databases.
import type { BenchContext, Measurement } from '../bench.ts'
import { type Round, writeFor } from './load.ts'
import { openNetwork } from './network.ts'
import { interleaved, median } from './statistics.ts'
import type { Store } from './stores.ts'
import {
  bareSubjects,
  launchdarklySubject,
  naiveSubject,
  type Ours,
  oursSubject,
  type Subject,
  type Ways,
} from './subjects.ts'

/** A setting in which all subjects are measured. */
export interface Setting {
  readonly name: string
  readonly clients: number
  readonly rounds: number
  /** How long a request to either side is under way. */
  readonly networkMs?: number
  /** What is wrong with the target. */
  readonly target?: 'slow' | 'gone'
}

export const SETTINGS: readonly Setting[] = [
  { name: 'c1', clients: 1, rounds: 7 },
  { name: 'c16', clients: 16, rounds: 7 },
  { name: 'net1ms.c1', clients: 1, rounds: 5, networkMs: 1 },
  { name: 'slow500.c1', clients: 1, rounds: 3, target: 'slow' },
  { name: 'slow500.c16', clients: 16, rounds: 3, target: 'slow' },
  { name: 'gone.c1', clients: 1, rounds: 3, target: 'gone' },
  { name: 'gone.c16', clients: 16, rounds: 3, target: 'gone' },
]

export const SUBJECTS = [
  'bare',
  'bare.transaction',
  'naive',
  'launchdarkly',
  'ours.trigger',
  'ours.transaction',
  'ours.intent',
] as const

export type Results = Map<string, readonly Measurement[]>

/** Every subject in one setting; named `pg.ours.trigger.c1`. */
export async function measureWrites(
  { legacy, target }: { readonly legacy: Store; readonly target: Store },
  setting: Setting,
  { seconds, note }: { readonly seconds: number; readonly note: BenchContext['note'] },
): Promise<Results> {
  const { networkMs = 0 } = setting
  const faulty = networkMs > 0 || setting.target !== undefined
  const toTarget = faulty ? await openNetwork(target.local, { delayMs: networkMs }) : undefined
  const toLegacy = networkMs > 0 ? await openNetwork(legacy.local, { delayMs: networkMs }) : undefined
  const ways: Ways = {
    stores: { legacy, target },
    legacy: legacy.connect(toLegacy === undefined ? {} : { through: toLegacy }),
    target: target.connect(toTarget === undefined ? {} : { through: toTarget }),
  }
  const ours: Ours[] = []
  for (const capture of ['trigger', 'transaction', 'intent'] as const) ours.push(await oursSubject(ways, { capture }))
  const subjects: readonly Subject[] = [
    ...(await bareSubjects(ways)),
    await naiveSubject(ways),
    await launchdarklySubject(ways),
    ...ours,
  ]
  const settles = setting.target === undefined
  for (const { mirror } of ours) mirror.start()
  for (const subject of subjects) {
    await writeFor(0.3, setting.clients, subject.accounts)
    await subject.settle()
  }
  if (setting.target === 'slow') await toTarget?.set({ delayMs: 500 })
  if (setting.target === 'gone') await toTarget?.set({ delayMs: 0, gone: true })
  const rounds = await interleaved(subjects, setting.rounds, async (subject) => {
    const round = await writeFor(seconds, setting.clients, subject.accounts)
    if (settles) await subject.settle()
    return round
  })
  note(`${legacy.engine} ${setting.name}: measured`)
  await toTarget?.set({ delayMs: 0 })
  for (const { close } of subjects) await close()
  toTarget?.close()
  toLegacy?.close()
  return report(legacy.engine, setting.name, subjects, rounds)
}

type Figure = Readonly<Record<keyof Round, number>>

function report(
  engine: string,
  setting: string,
  subjects: readonly Subject[],
  rounds: ReadonlyMap<Subject, readonly Round[]>,
): Results {
  const figures = new Map(subjects.map((subject) => [subject.name, figureOf(rounds.get(subject) ?? [])]))
  return new Map(
    [...figures].map(([name, figure]) => [
      `${engine}.${name}.${setting}`,
      [
        { metric: 'p50', value: figure.p50, unit: 'ms' },
        { metric: 'p99', value: figure.p99, unit: 'ms' },
        { metric: 'throughput', value: figure.throughput, unit: 'ops/s' },
        { metric: 'failed', value: figure.failed * 100, unit: '%' },
        ...ratios(name, figure, figures),
      ],
    ]),
  )
}

/** What a reader would otherwise compute. */
function ratios(name: string, figure: Figure, others: ReadonlyMap<string, Figure>): readonly Measurement[] {
  if (name === 'bare') return []
  const against = (other: string, metric: keyof Round): readonly Measurement[] => {
    const base = others.get(other)
    return base === undefined || base[metric] === 0
      ? []
      : [{ metric: `${metric}_to_${other}`, value: figure[metric] / base[metric], unit: 'x' }]
  }
  return [
    ...against('bare', 'p50'),
    ...against('bare', 'p99'),
    ...against('bare', 'throughput'),
    ...(name === 'ours.transaction'
      ? [...against('bare.transaction', 'p50'), ...against('bare.transaction', 'p99')]
      : []),
    ...(name.startsWith('ours') ? [...against('naive', 'throughput'), ...against('launchdarkly', 'throughput')] : []),
  ]
}

function figureOf(rounds: readonly Round[]): Figure {
  const middle = (metric: keyof Round): number => median(rounds.map((round) => round[metric]))
  return { p50: middle('p50'), p99: middle('p99'), throughput: middle('throughput'), failed: middle('failed') }
}
