/**
 * A process that works on the jobs of a backfill and of sweeps, and says so after every chunk and every page: `node boss-worker.ts
 * <legacy url> <target url> <ms to rest after a chunk>`. Run by boss-kill.test.ts.
 */
import { backfill } from '@twinspan/backfill'
import { createMigration } from '@twinspan/core'
import { createBossJobs } from '@twinspan/pg-boss'
import { type ProgressOfSweep, reconcile } from '@twinspan/reconcile'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { PgBoss } from 'pg-boss'
import { type LegacyDB, sidesOf, type TargetDB } from './two-schemas.ts'

const [legacyUrl = '', targetUrl = '', restMs = '0'] = process.argv.slice(2)

function connect<DB>(connectionString: string): Kysely<DB> {
  return new Kysely<DB>({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString, max: 4 }) }) })
}

const { users, ...sides } = sidesOf(connect<LegacyDB>(legacyUrl), connect<TargetDB>(targetUrl))
const migration = createMigration({ name: 'accounts', ...sides, entities: [users], refreshMs: 200, leaseMs: 1_000 })
await migration.start()
const boss = new PgBoss({ connectionString: targetUrl, max: 2, supervise: false, schedule: false })
boss.on('error', () => {})
await boss.start()

const jobs = createBossJobs(boss, migration, {
  async *backfill(entity, share) {
    for await (const progress of backfill(migration, entity, {
      ...share,
      maxChunkRows: 50,
      maxLegacyLoad: 1,
      claimMs: 1_500,
    })) {
      console.log(`${progress.shard} ${progress.chunkRows}`)
      yield progress
      await new Promise((resolve) => setTimeout(resolve, Number(restMs)))
    }
  },
  async *sweep(entity, share) {
    let told = 0
    const onProgress = ({ rows }: ProgressOfSweep): void => {
      console.log(`${share.shard} ${rows - told}`)
      told = rows
    }
    const maxPrimaryLoad = Number(restMs) > 0 ? 0.05 : 1
    const pace = { pageRows: 50, digests: false, recheckMs: [50, 200, 500], maxPrimaryLoad }
    yield* reconcile.sweepShards(migration, entity, { ...share, ...pace, claimMs: 1_500, onProgress })
  },
})
await jobs.work({ pollingIntervalSeconds: 0.5 })
