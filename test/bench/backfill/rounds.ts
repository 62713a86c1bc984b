import { type Kysely, sql } from 'kysely'
import type { Engine, OpenDatabase } from '../../support/engines.ts'
import type { BenchContext, Measurement } from '../bench.ts'
import { createAccounts, fillAccounts, type SamplesDB } from '../samples.ts'
import { accountsMigration } from './accounts.ts'
import { type Contestant, isInstalled, type Run } from './contestants.ts'
import { watchServers } from './watch-servers.ts'

export interface Duel<Name extends string> {
  readonly from: Engine
  readonly to: Engine
  readonly rows: number
  readonly rounds: number
  readonly contestants: Readonly<Record<Name, Contestant>>
}

/** A run with the processor time of the servers in `cpuSeconds`. */
export interface Measured extends Run {
  readonly clientSeconds: number
}

/** The runs of each contestant; none of one that is not installed. */
export type Runs<Name extends string> = Readonly<Record<Name, readonly Measured[]>>

/**
 * Lets every contestant copy the same table in turns, each time into a database of its own, the other one first in every
 * other round. `undefined` where a server does not answer.
 */
export async function fight<Name extends string>(
  { from, to, rows, rounds, contestants }: Duel<Name>,
  note: BenchContext['note'],
): Promise<Runs<Name> | undefined> {
  for (const engine of [from, to]) {
    const missing = await engine.missing()
    if (missing === undefined) continue
    note(`skipped ${Object.keys(contestants).join(' and ')}: ${missing}`)
    return undefined
  }
  const names = (Object.keys(contestants) as Name[]).filter((name) => {
    const { program } = contestants[name]
    if (program === undefined || isInstalled(program)) return true
    note(`skipped ${name}: ${program} is not installed`)
    return false
  })
  const runs = Object.fromEntries(Object.keys(contestants).map((name) => [name, [] as Measured[]])) as Record<
    Name,
    Measured[]
  >
  note(`filling ${rows} rows on ${from.name} ...`)
  const legacy = await from.open<SamplesDB>()
  try {
    await createAccounts(legacy.db, from.name)
    await fillAccounts(legacy.db, from.name, rows)
    // Nobody pays for what another one has read into memory first.
    await sql`select count(name) from accounts`.execute(legacy.db)
    for (let round = 0; round < rounds; round++) {
      for (const name of round % 2 === 0 ? names : names.toReversed()) {
        const run = await runOnce(contestants[name], legacy, to, rows)
        note(
          `${name}: ${run.seconds.toFixed(2)} s, ${run.cpuSeconds.toFixed(1)} CPU s (${run.clientSeconds.toFixed(1)} of them the client's), ${run.rssMb.toFixed(0)} MB`,
        )
        runs[name].push(run)
      }
    }
    return runs
  } finally {
    await legacy.close()
  }
}

async function runOnce(
  contestant: Contestant,
  legacy: OpenDatabase<SamplesDB>,
  to: Engine,
  rows: number,
): Promise<Measured> {
  const target = await to.open<SamplesDB>()
  try {
    await createAccounts(target.db, to.name)
    const { name, stop } = await openRoad(legacy.db, target.db)
    const urls = { legacy: urlOf(legacy), target: urlOf(target) }
    const servers = await watchServers(Object.values(urls))
    const own = await contestant.run({ ...urls, name, rows }).catch(async (error: unknown) => {
      await servers.stop()
      throw error
    })
    const serverSeconds = await servers.stop()
    const run = { ...own, cpuSeconds: own.cpuSeconds + serverSeconds, clientSeconds: own.cpuSeconds }
    const counted = await target.db
      .selectFrom('accounts')
      .select((eb) => eb.fn.countAll<string>().as('rows'))
      .executeTakeFirstOrThrow()
    if (Number(counted.rows) !== rows) throw new Error(`${counted.rows} of ${rows} rows arrived`)
    await stop()
    return run
  } finally {
    await target.close()
  }
}

let roads = 0

/** A migration at `dual-write`, whoever copies. */
async function openRoad(
  legacy: Kysely<SamplesDB>,
  target: Kysely<SamplesDB>,
): Promise<{ readonly name: string; readonly stop: () => Promise<void> }> {
  // Each its own: the target of the one before is gone.
  const name = `bench-${++roads}`
  const { migration } = accountsMigration(legacy, target, { name, translation: 'columns' })
  await migration.start()
  for (const phase of ['capture', 'dual-write'] as const) {
    await migration.advance({ to: phase, actor: 'bench', reason: 'bench' })
  }
  return { name, stop: () => migration.stop() }
}

function urlOf({ url }: OpenDatabase<SamplesDB>): string {
  if (url === undefined) throw new Error('only servers can be copied from and to here')
  return url
}

export function medianOf(runs: readonly Measured[], read: (run: Measured) => number): number {
  const values = runs.map(read).sort((a, b) => a - b)
  const middle = values.length >> 1
  const upper = values[middle] ?? Number.NaN
  return values.length % 2 === 1 ? upper : ((values[middle - 1] ?? upper) + upper) / 2
}

export function figuresOf(runs: readonly Measured[], rows: number): Measurement[] {
  if (runs.length === 0) return []
  const seconds = medianOf(runs, (run) => run.seconds)
  return [
    { metric: 'seconds', value: seconds, unit: 's' },
    { metric: 'cpu_seconds', value: medianOf(runs, (run) => run.cpuSeconds), unit: 's' },
    { metric: 'rows_per_second', value: rows / seconds, unit: 'rows/s' },
    { metric: 'rss_mb', value: Math.max(...runs.map((run) => run.rssMb)), unit: 'MB' },
  ]
}
