// Copies `accounts` in a process of its own, so that its memory is the backfill's: node worker.ts '<WorkerOrder>'
import { backfill } from '@twinspan/backfill'
import { Kysely, MysqlDialect, PostgresDialect } from 'kysely'
import { createPool } from 'mysql2'
import pg from 'pg'
import type { SamplesDB } from '../samples.ts'
import { accountsMigration, type Translation } from './accounts.ts'

export interface WorkerOrder {
  /** URLs of the two databases. */
  readonly legacy: string
  readonly target: string
  /** The migration's name. */
  readonly name: string
  readonly translation: Translation
}

export interface WorkerReport {
  readonly inserted: number
  /** From the first look at the checkpoint until everything is compared and checkpointed. */
  readonly seconds: number
  /** Of this process in that time. */
  readonly cpuSeconds: number
}

/** As fast as it can: nobody else is served here, and a peer regards nobody either. */
const UNTHROTTLED = {
  maxLegacyLoad: 1,
  chunkTargetMs: 250,
  probeEveryMs: 0,
  maxTargetCommitMs: 60_000,
  maxEventLoopLagMs: 60_000,
}

function connect(url: string): Kysely<SamplesDB> {
  const dialect = url.startsWith('mysql:')
    ? new MysqlDialect({
        pool: createPool({ uri: url, supportBigNumbers: true, charset: 'utf8mb4', timezone: 'Z' }),
      })
    : new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 10 }) })
  return new Kysely<SamplesDB>({ dialect })
}

const order = JSON.parse(process.argv[2] ?? '') as WorkerOrder
const [legacy, target] = [connect(order.legacy), connect(order.target)]
const { migration, accounts } = accountsMigration(legacy, target, order)
await migration.start()
let inserted = 0
const [cpu, begun] = [process.cpuUsage(), performance.now()]
for await (const progress of backfill(migration, accounts, UNTHROTTLED)) inserted = progress.inserted
const seconds = (performance.now() - begun) / 1000
const { user, system } = process.cpuUsage(cpu)
const report: WorkerReport = { inserted, seconds, cpuSeconds: (user + system) / 1e6 }
await migration.stop()
await Promise.all([legacy.destroy(), target.destroy()])
console.log(JSON.stringify(report))
