// npm run bench -- dual-write [--only=noop,pg,mariadb,lag,drain] [--settings=c1,c16] [--seconds=0.3] [--keys=200000]
import { PHASES } from '@twinspan/core'
import type { BenchContext, Case, Cases, Measurement } from './bench.ts'
import { measureDrain, measureKeepUp, measureLag, withWays } from './dual-write/mirroring.ts'
import { measureNoop } from './dual-write/noop.ts'
import { openStore, type Store } from './dual-write/stores.ts'
import type { Ways } from './dual-write/subjects.ts'
import { measureWrites, SETTINGS, type Setting, SUBJECTS } from './dual-write/writes.ts'

const SECONDS = 0.3
const KEYS = 200_000

/** Cases that are measured together, in turns, when the first of them is asked for. */
function together(
  part: string,
  names: readonly string[],
  measure: (context: BenchContext) => Promise<ReadonlyMap<string, readonly Measurement[]>>,
): Cases {
  let measured: ReturnType<typeof measure> | undefined
  return Object.fromEntries(
    names.map((name) => [
      name,
      async (context) => {
        if (!asksFor(context, 'only', part)) return []
        measured ??= measure(context)
        return (await measured).get(name) ?? []
      },
    ]),
  )
}

function writes(engine: Store['engine'], setting: Setting): Cases {
  const names = SUBJECTS.map((subject) => `${engine}.${subject}.${setting.name}`)
  return together(engine, names, async (context) => {
    if (!asksFor(context, 'settings', setting.name)) return new Map()
    const [legacy, target] = [await openStore(engine), await openStore('pg')]
    try {
      const seconds = Number(option(context, 'seconds') ?? SECONDS)
      return await measureWrites({ legacy, target }, setting, { seconds, note: context.note })
    } finally {
      await legacy.close()
      await target.close()
    }
  })
}

/** A case on databases of its own. */
function alone(
  part: string,
  engine: Store['engine'],
  measure: (ways: Ways, context: BenchContext) => ReturnType<Case>,
): Case {
  return async (context) => (asksFor(context, 'only', part) ? withWays(engine, (ways) => measure(ways, context)) : [])
}

function lag(engine: Store['engine']): Cases {
  return Object.fromEntries(
    (['trigger', 'transaction', 'intent'] as const).map((capture) => [
      `${engine}.ours.${capture}.lag500`,
      alone('lag', engine, (ways) => measureLag(ways, capture, { perSecond: 500, seconds: 4 })),
    ]),
  )
}

const keysOf = (context: BenchContext): number => Number(option(context, 'keys') ?? KEYS)

function option({ args }: BenchContext, name: string): string | undefined {
  return args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3)
}

function asksFor(context: BenchContext, name: string, part: string): boolean {
  return option(context, name)?.split(',').includes(part) ?? true
}

const noopNames = [
  ...['bare', 'allSettled', 'scientist', 'launchdarkly', ...PHASES.map((phase) => `ours.${phase}`)],
  ...['bare.read', 'launchdarkly.read', ...PHASES.map((phase) => `ours.read.${phase}`)],
].map((name) => `noop.${name}`)

export const cases: Cases = {
  ...together('noop', noopNames, measureNoop),
  ...Object.assign({}, ...SETTINGS.map((setting) => writes('pg', setting))),
  ...Object.assign({}, ...SETTINGS.map((setting) => writes('mariadb', setting))),
  ...lag('pg'),
  ...lag('mariadb'),
  'drain.pg-pg': alone('drain', 'pg', (ways, context) => measureDrain(ways, keysOf(context))),
  'drain.mariadb-pg': alone('drain', 'mariadb', (ways, context) => measureDrain(ways, keysOf(context))),
  'keepup.5000': alone('drain', 'pg', (ways) => measureKeepUp(ways, { perSecond: 5_000, seconds: 6 })),
}
