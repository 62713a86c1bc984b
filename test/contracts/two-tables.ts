import { createMigration, defineEntity, type Entity, type Migration, type SweepRecord } from '@twinspan/core'
import { kyselySide } from '@twinspan/kysely'
import { type Finding, reconcile, type SweepOptions } from '@twinspan/reconcile'
import { type Kysely, sql } from 'kysely'
import { onTestFinished } from 'vitest'
import type { Engine } from '../support/engines.ts'
import { mariadb } from '../support/mariadb.ts'
import { pglite } from '../support/pglite.ts'
import { postgres } from '../support/postgres.ts'
import { sqlite } from '../support/sqlite.ts'

/** From where to where differences are planted. */
export const ROADS: readonly (readonly [Engine, Engine])[] = [
  [mariadb, postgres],
  [sqlite, pglite],
]

export type Row = Record<string, unknown>

interface DB {
  readonly things: Record<string, unknown>
}

export interface TwoTables {
  readonly legacy: Kysely<DB>
  readonly target: Kysely<DB>
  readonly entity: Entity
  readonly migration: Migration
}

export interface Shape {
  /** The columns of table `things` beside `id`, for each engine. */
  readonly types: Partial<Readonly<Record<Engine['name'], string>>>
  /** The columns that the entity names; absent: none, so that all is up to the translation. */
  readonly columns?: readonly string[]
  readonly toTarget?: (row: Row) => Row | null
}

const ID: Readonly<Record<Engine['name'], string>> = {
  sqlite: 'id integer primary key',
  pglite: 'id bigint primary key',
  postgres: 'id bigint primary key',
  mariadb: 'id bigint primary key',
}

/** Two stores side by side that nobody writes but the test. */
export async function twoTables(from: Engine, to: Engine, shape: Shape): Promise<TwoTables> {
  const [legacyDatabase, targetDatabase] = [await from.open<DB>(), await to.open<DB>()]
  const [legacy, target] = [legacyDatabase.db, targetDatabase.db]
  for (const [engine, db] of [
    [from, legacy],
    [to, target],
  ] as const) {
    await sql.raw(`create table things (${ID[engine.name]}, ${shape.types[engine.name]})`).execute(db)
  }
  const sides = { legacy: kyselySide(legacy), target: kyselySide(target) }
  const entity = defineEntity<Row, Row, Row, Row>({
    name: 'things',
    legacy: sides.legacy.table('things', { key: 'id' }),
    target: sides.target.table('things', { key: 'id' }),
    toTarget: shape.toTarget ?? ((row) => row),
    toLegacy: (row) => row,
    ...(shape.columns === undefined
      ? {}
      : { columns: Object.fromEntries(['id', ...shape.columns].map((name) => [name, name])) }),
  })
  const migration = createMigration({ name: 'things', ...sides, entities: [entity], timeoutMs: 60_000 })
  await migration.start()
  onTestFinished(async () => {
    await migration.stop()
    await Promise.all([legacyDatabase.close(), targetDatabase.close()])
  })
  return { legacy, target, entity, migration }
}

export interface Swept {
  readonly findings: readonly Finding[]
  readonly record: SweepRecord
}

export async function sweepAll({ migration, entity }: TwoTables, options: SweepOptions = {}): Promise<Swept> {
  const run = reconcile.sweep(migration, entity, { reveal: 'keys', recheckMs: [0, 1], maxPrimaryLoad: 1, ...options })
  const findings: Finding[] = []
  for (;;) {
    const step = await run.next()
    if (step.done === true) return { findings, record: step.value }
    findings.push(step.value)
  }
}

/** What was found, in the order of the keys: key, reason, fields. */
export function told({ findings }: Swept): readonly (readonly unknown[])[] {
  return findings
    .map(({ key, reason, fields }) => [Number(key), reason, ...fields.map(({ name }) => name)])
    .sort((a, b) => Number(a[0]) - Number(b[0]))
}
