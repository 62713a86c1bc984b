// npm run bench -- backfill [--rows=1000000] [--rounds=3] [--only=pg-pg] [--flat[=100000,1000000,10000000]]
// The backfill against what copies a table without regard for anybody: pgloader, a pipe of COPY, the loop that everybody
// writes first. Ours and its peer copy in turns, each in a process of its own. `--flat` measures instead what a row costs in
// tables of several sizes.
import { mariadb } from '../support/mariadb.ts'
import { postgres } from '../support/postgres.ts'
import { type Contestant, copy, ours, pgloader } from './backfill/contestants.ts'
import { type Duel, fight, figuresOf, type Measured, medianOf, type Runs } from './backfill/rounds.ts'
import { towns } from './backfill/towns.ts'
import type { BenchContext, Case, Cases, Measurement } from './bench.ts'

function option({ args }: BenchContext, name: string): string | undefined {
  const found = args.find((arg) => arg === `--${name}` || arg.startsWith(`--${name}=`))
  return found?.slice(name.length + 3)
}

const isFlat = (context: BenchContext): boolean => option(context, 'flat') !== undefined

interface Match {
  readonly from: Duel<string>['from']
  readonly to: Duel<string>['to']
  readonly contestants: Readonly<Record<string, Contestant>>
  /** Whom the others are held against. */
  readonly peer: string
}

const MATCHES: readonly Match[] = [
  {
    from: mariadb,
    to: postgres,
    contestants: {
      'backfill.ours.mariadb-pg': ours('columns'),
      'backfill.ours.mariadb-pg.function': ours('function'),
      'backfill.pgloader': pgloader,
    },
    peer: 'backfill.pgloader',
  },
  {
    from: postgres,
    to: postgres,
    contestants: {
      'backfill.ours.pg-pg': ours('columns'),
      'backfill.ours.pg-pg.function': ours('function'),
      'backfill.copy': copy,
    },
    peer: 'backfill.copy',
  },
  {
    from: postgres,
    to: mariadb,
    contestants: { 'backfill.ours.pg-mariadb': ours('columns') },
    peer: 'none',
  },
]

/** The cases of one match. The first that is asked for has all of them run, because they take turns. */
function casesOf(match: Match): Cases {
  let fought: Promise<Runs<string> | undefined> | undefined
  const measure =
    (name: string): Case =>
    async (context) => {
      const only = option(context, 'only')
      if (isFlat(context) || (only !== undefined && !name.includes(only))) return []
      const rows = Number(option(context, 'rows') ?? 1_000_000)
      const rounds = Number(option(context, 'rounds') ?? 3)
      const contestants = Object.fromEntries(
        Object.entries(match.contestants).filter(
          ([other]) => only === undefined || other.includes(only) || other === match.peer,
        ),
      )
      fought ??= fight({ ...match, contestants, rows, rounds }, context.note)
      const runs = await fought
      if (runs === undefined) return []
      return [...figuresOf(runs[name] ?? [], rows), ...ratio(match.peer, runs[name] ?? [], runs[match.peer] ?? [])]
    }
  return Object.fromEntries(Object.keys(match.contestants).map((name) => [name, measure(name)]))
}

/** Throughput and processor time against the peer's, round by round. */
function ratio(peer: string, runs: readonly Measured[], peers: readonly Measured[]): Measurement[] {
  if (runs === peers || runs.length === 0 || peers.length === 0) return []
  const paired = runs.map((run, round) => ({ run, peer: peers[round] ?? run }))
  const name = peer.replace('backfill.', '')
  const ratios = (read: (run: Measured) => number): Measured[] =>
    paired.map((pair) => ({ ...pair.run, seconds: read(pair.peer) / read(pair.run) }))
  return [
    {
      metric: `throughput_to_${name}`,
      value: medianOf(
        ratios((run) => run.seconds),
        (run) => run.seconds,
      ),
      unit: 'x',
    },
    {
      metric: `cpu_to_${name}`,
      value:
        1 /
        medianOf(
          ratios((run) => run.cpuSeconds),
          (run) => run.seconds,
        ),
      unit: 'x',
    },
  ]
}

const SIZES = [100_000, 1_000_000, 10_000_000]

/** What one row costs in a table of `rows` rows. */
function flat(rows: number): Case {
  return async (context) => {
    if (!isFlat(context)) return []
    const sizes = option(context, 'flat') || SIZES.join()
    if (!sizes.split(',').map(Number).includes(rows)) return []
    const name = `backfill.flat.${rows}`
    const contestants = { [name]: ours('columns') }
    const rounds = Number(option(context, 'rounds') ?? (rows > 1_000_000 ? 1 : 3))
    const runs = (await fight({ from: mariadb, to: postgres, rows, rounds, contestants }, context.note))?.[name]
    if (runs === undefined) return []
    const perRow = (read: (run: Measured) => number): number => (medianOf(runs, read) * 1e6) / rows
    return [
      ...figuresOf(runs, rows),
      { metric: 'us_per_row', value: perRow((run) => run.seconds), unit: 'us' },
      { metric: 'cpu_us_per_row', value: perRow((run) => run.cpuSeconds), unit: 'us' },
    ]
  }
}

const small: Cases = Object.fromEntries(
  Object.entries(towns).map(([name, run]): [string, Case] => [
    name,
    async (context) => {
      const only = option(context, 'only')
      return isFlat(context) || (only !== undefined && !name.includes(only)) ? [] : run(context)
    },
  ]),
)

export const cases: Cases = {
  ...small,
  ...Object.assign({}, ...MATCHES.map(casesOf)),
  ...Object.fromEntries(SIZES.map((rows) => [`backfill.flat.${rows}`, flat(rows)])),
}
