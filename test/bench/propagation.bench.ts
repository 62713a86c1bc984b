// npm run bench -- propagation [--processes=20] [--rounds=20] [--lease=10000] [--races=10000]
// How long a kill takes to reach every process on one PostgreSQL, and whether a step of the ramp ever wins against it.

import {
  createMigration,
  defineEntity,
  PHASES,
  parseRollout,
  ROLLOUT_DOCUMENT,
  RolloutKilledError,
} from '@twinspan/core'
import { kyselySide } from '@twinspan/kysely'
import { createRouter, type Router } from '@twinspan/router'
import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import { type Cluster, openCluster } from '../support/cluster.ts'
import { openProxy } from '../support/proxy.ts'
import { type Fleet, openFleet } from '../support/routed-fleet.ts'
import type { BenchContext, Cases, Measurement } from './bench.ts'

interface Settings {
  readonly processes: number
  readonly rounds: number
  readonly leaseMs: number
  readonly races: number
}

function settingsOf({ args }: BenchContext): Settings {
  const option = (name: string, fallback: number): number =>
    Number(args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3) ?? fallback)
  return {
    processes: option('processes', 20),
    rounds: option('rounds', 20),
    leaseMs: option('lease', 10_000),
    races: option('races', 10_000),
  }
}

/** A server of its own: what is stopped here must not be anybody's. */
async function onCluster<T>(work: (cluster: Cluster, db: Kysely<unknown>) => Promise<T>): Promise<T> {
  const cluster = await openCluster()
  const pool = new pg.Pool({ connectionString: cluster.url, max: 4 })
  pool.on('error', () => {})
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })
  try {
    await untilItAnswers(db)
    await sql`create table things (id integer primary key)`.execute(db)
    return await work(cluster, db)
  } finally {
    await db.destroy()
    await cluster.close()
  }
}

async function untilItAnswers(db: Kysely<unknown>): Promise<void> {
  for (let left = 100; ; left--) {
    try {
      await sql`select 1`.execute(db)
      return
    } catch (error) {
      if (left === 0) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

/** Kills and re-arms, again and again; the times that every other process took to hear of each kill. */
async function killed(fleet: Fleet, rounds: number): Promise<readonly number[]> {
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    const killer = round % fleet.size
    const [began, turns] = await Promise.all([fleet.order(killer, 'kill'), fleet.until('legacy', 60_000)])
    times.push(...turns.filter((_, index) => index !== killer).map(({ at }) => at - began))
    await fleet.order(killer, 'rearm')
    await fleet.until('target', 60_000)
  }
  return times
}

function travels(listens: boolean, share: number) {
  return async (context: BenchContext): Promise<readonly Measurement[]> => {
    const { processes, rounds, leaseMs } = settingsOf(context)
    return onCluster(async ({ url }) => {
      const fleet = await openFleet({ size: processes, url, listening: listens ? processes : 0, leaseMs })
      try {
        return quantiles(await killed(fleet, Math.ceil(rounds * share)))
      } finally {
        await fleet.close()
      }
    })
  }
}

/** The server stands still with every connection, the kill's own included: nobody can hear of it. */
async function frozen(context: BenchContext): Promise<readonly Measurement[]> {
  const { processes, leaseMs } = settingsOf(context)
  return onCluster(async ({ url, pid }, db) => {
    const fleet = await openFleet({ size: processes, url, listening: processes, leaseMs })
    const backends = await sql<{ pid: number }>`select pid from pg_stat_activity
      where backend_type = 'client backend' and pid <> pg_backend_pid()`.execute(db)
    const pids = backends.rows.map((row) => row.pid)
    try {
      for (const one of [pid, ...pids]) process.kill(one, 'SIGSTOP')
      const began = Date.now()
      fleet.tell(0, 'kill')
      const turns = await fleet.until('legacy', leaseMs + 30_000)
      return [...quantiles(turns.slice(1).map(({ at }) => at - began)), { metric: 'lease', value: leaseMs, unit: 'ms' }]
    } finally {
      await fleet.close()
      for (const one of [pid, ...pids]) process.kill(one, 'SIGCONT')
    }
  })
}

/** Every connection of the processes is reset, and no other is made. */
async function reset(context: BenchContext): Promise<readonly Measurement[]> {
  const { processes, leaseMs } = settingsOf(context)
  return onCluster(async ({ port }) => {
    const proxy = await openProxy({ host: '127.0.0.1', port })
    const fleet = await openFleet({
      size: processes,
      url: `postgres://postgres@127.0.0.1:${proxy.port}/postgres`,
      listening: processes,
      leaseMs,
    })
    try {
      const began = Date.now()
      fleet.tell(0, 'kill')
      await proxy.close()
      const turns = await fleet.until('legacy', leaseMs + 30_000)
      return [...quantiles(turns.slice(1).map(({ at }) => at - began)), { metric: 'lease', value: leaseMs, unit: 'ms' }]
    } finally {
      await fleet.close()
    }
  })
}

/** A kill and a step at the same moment, from two processes' worth of connections. */
async function races(context: BenchContext): Promise<readonly Measurement[]> {
  const { races: count } = settingsOf(context)
  return onCluster(async ({ url }) => {
    const [killer, stepper] = [await routerAt(url), await routerAt(url)]
    const by = { actor: 'bench', reason: 'race' }
    let lost = 0
    let stepFirst = 0
    try {
      for (const to of PHASES.slice(1, PHASES.indexOf('canary') + 1)) await killer.migration.advance({ to, ...by })
      await stepper.migration.refresh()
      for (let race = 0; race < count; race++) {
        const step = stepper.router.setPercent(100, by).then(
          () => stepFirst++,
          (error: unknown) => {
            if (!(error instanceof RolloutKilledError)) throw error
          },
        )
        await Promise.all([killer.router.kill(by), step])
        const document = await stepper.migration.store.getDocument(ROLLOUT_DOCUMENT)
        if ((parseRollout(document?.value)?.killed ?? null) === null) lost++
        await killer.router.rearm(by)
        if (race % 1_000 === 999) context.note(`${race + 1} races`)
      }
    } finally {
      await killer.close()
      await stepper.close()
    }
    return [
      { metric: 'lost', value: lost, unit: 'kills' },
      { metric: 'races', value: count, unit: 'races' },
      { metric: 'step-first', value: stepFirst, unit: 'races' },
    ]
  })
}

async function routerAt(url: string) {
  const db = new Kysely<{ things: { id: number } }>({
    dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 2 }) }),
  })
  const side = kyselySide(db)
  const table = side.table('things', { key: 'id' })
  const things = defineEntity({
    name: 'things',
    legacy: table,
    target: table,
    toTarget: (row) => row,
    toLegacy: (row) => row,
  })
  const migration = createMigration({
    name: 'races',
    legacy: side,
    target: side,
    capture: 'transaction',
    entities: [things],
  })
  const router: Router = createRouter(migration, { unit: 'user' })
  await migration.start()
  return {
    migration,
    router,
    async close() {
      await migration.stop()
      await db.destroy()
    },
  }
}

function quantiles(times: readonly number[]): readonly Measurement[] {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
  return [
    { metric: 'p50', value: at(0.5), unit: 'ms' },
    { metric: 'p99', value: at(0.99), unit: 'ms' },
    { metric: 'max', value: at(1), unit: 'ms' },
    { metric: 'turns', value: sorted.length, unit: 'turns' },
  ]
}

export const cases: Cases = {
  'propagation.notification': travels(true, 1),
  'propagation.suppressed': travels(false, 0.25),
  'propagation.frozen': frozen,
  'propagation.reset': reset,
  'propagation.races': races,
}
