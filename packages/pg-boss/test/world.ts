import { PGlite } from '@electric-sql/pglite'
import { type BackfillOptions, backfill } from '@twinspan/backfill'
import { createMigration, defineEntity, type Entity, type Migration } from '@twinspan/core'
import { createMemoryDatabase, type MemoryTable, memorySide, walkTo } from '@twinspan/core/testing'
import type { BossJobsOptions } from '@twinspan/pg-boss'
import { fromPglite, PgBoss } from 'pg-boss'
import { onTestFinished } from 'vitest'

interface Row {
  readonly id: number
  readonly email: string
}

export interface World {
  readonly name: string
  readonly rows: number
  /** The rows that came from legacy into a process, over all of its life. */
  readonly reads: () => number
  readonly users: MemoryTable<Row>
  /** One more process of the application. */
  join(toTarget?: (row: Row) => Row): Promise<Process>
}

export interface Process {
  readonly migration: Migration
  readonly entity: Entity
}

let worlds = 0

/** Databases with `rows` rows on legacy. Queues are named after the migration, so that no two tests share any. */
export async function openWorld(rows: number): Promise<World> {
  const name = `members-${++worlds}`
  const databases = { legacy: createMemoryDatabase(), target: createMemoryDatabase() }
  const users = memorySide(databases.target).table<Row>('users', { key: 'id' })
  let reads = 0
  const world: World = {
    name,
    rows,
    reads: () => reads,
    users,
    async join(toTarget = (row) => row) {
      const legacy = memorySide(databases.legacy)
      const target = memorySide(databases.target)
      const table = legacy.table<Row>('members', { key: 'id' })
      const entity = defineEntity<Row, Row, Row, Row>({
        name: 'users',
        legacy: {
          ...table,
          async scan(range, options) {
            const found = await table.scan(range, options)
            // A start reads one row to try the translation on.
            if (range.limit > 1) reads += found.length
            return found
          },
        },
        target: target.table<Row>('users', { key: 'id' }),
        toTarget,
        toLegacy: (row) => row,
      })
      const migration = createMigration({ name, legacy, target, store: target.store, entities: [entity] })
      await migration.start()
      onTestFinished(() => migration.stop())
      return { migration, entity }
    },
  }
  const first = await world.join()
  const saved = Array.from({ length: rows }, (_, at) => ({ id: at + 1, email: `m${at + 1}@example.org` }))
  await memorySide(databases.legacy).table<Row>('members', { key: 'id' }).save(saved)
  await walkTo(first.migration, 'dual-write')
  return world
}

/** A pg-boss in an embedded PostgreSQL of its own. */
export async function openBoss(): Promise<{ readonly boss: PgBoss; close(): Promise<void> }> {
  const pglite = await PGlite.create()
  const boss = new PgBoss({ db: fromPglite(pglite), backend: 'pglite', supervise: false, schedule: false })
  await boss.start()
  return {
    boss,
    async close() {
      await boss.stop({ graceful: false })
      await pglite.close()
    },
  }
}

/** The copying half of the options, in small chunks and at full pace. */
export function copying({ migration }: Process, options: BackfillOptions = {}): BossJobsOptions {
  return {
    backfill: (entity, share) =>
      backfill(migration, entity, { maxChunkRows: 3, maxLegacyLoad: 1, ...options, ...share }),
    retryDelaySeconds: 1,
  }
}

export const FAST = { pollingIntervalSeconds: 0.5 }
