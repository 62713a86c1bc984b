import { createMigration, defineEntity, type Entity, type Migration, sameColumns } from '@twinspan/core'
import { kyselySide } from '@twinspan/kysely'
import { Kysely, MysqlDialect, PostgresDialect } from 'kysely'
import { createPool } from 'mysql2'
import pg from 'pg'
import type { OpenDatabase } from '../../support/engines.ts'
import { mariadb } from '../../support/mariadb.ts'
import { postgres } from '../../support/postgres.ts'
import { openProxy, type TcpProxy } from '../../support/proxy.ts'
import { type Account, createAccounts, fillAccounts, type SamplesDB } from '../samples.ts'

export type LegacyEngine = 'postgres' | 'mariadb'

export interface ThrottleWorld {
  readonly rows: number
  readonly legacy: OpenDatabase<SamplesDB>
  readonly target: OpenDatabase<SamplesDB>
  readonly migration: Migration
  readonly accounts: Entity
  /** What stands between the migration and legacy, where it was asked for. */
  readonly proxy: TcpProxy | undefined
  close(): Promise<void>
}

const COLUMNS = ['id', 'email', 'name', 'balance', 'score', 'active', 'ratio', 'created', 'note'] as const

/** A full table on one engine, an empty one on the other, and a migration in `dual-write`. */
export async function openWorld(engine: LegacyEngine, rows: number, { proxied = false } = {}): Promise<ThrottleWorld> {
  const [from, to] = engine === 'postgres' ? [postgres, mariadb] : [mariadb, postgres]
  const legacy = await from.open<SamplesDB>()
  const target = await to.open<SamplesDB>()
  await createAccounts(legacy.db, from.name)
  await createAccounts(target.db, to.name)
  await fillAccounts(legacy.db, from.name, rows)
  const road = proxied ? await openRoad(engine, new URL(legacy.url ?? '')) : undefined
  const sides = { legacy: kyselySide(road?.db ?? legacy.db), target: kyselySide(target.db) }
  const accounts = defineEntity<Account, Account, Account, Account>({
    name: 'accounts',
    legacy: sides.legacy.table('accounts', { key: 'id' }) as never,
    target: sides.target.table('accounts', { key: 'id' }) as never,
    ...(sameColumns(Object.fromEntries(COLUMNS.map((name) => [name, name]))) as never as {
      toTarget(row: Account): Account
      toLegacy(row: Account): Account
    }),
  })
  const migration = createMigration({ name: 'bench', ...sides, entities: [accounts] })
  await migration.start()
  for (const phase of ['capture', 'dual-write'] as const) {
    await migration.advance({ to: phase, actor: 'bench', reason: 'bench' })
  }
  return {
    rows,
    legacy,
    target,
    migration,
    accounts,
    proxy: road?.proxy,
    async close() {
      await migration.stop()
      await road?.db.destroy()
      await road?.proxy.close()
      await legacy.close()
      await target.close()
    },
  }
}

/** The same database by another road, which can be made slow. */
async function openRoad(
  engine: LegacyEngine,
  url: URL,
): Promise<{ readonly db: Kysely<SamplesDB>; readonly proxy: TcpProxy }> {
  const proxy = await openProxy({ host: url.hostname, port: Number(url.port) })
  const by = new URL(url)
  by.port = String(proxy.port)
  const dialect =
    engine === 'postgres'
      ? new PostgresDialect({ pool: new pg.Pool({ connectionString: by.href, max: 10 }) })
      : new MysqlDialect({
          pool: createPool({
            uri: by.href,
            connectionLimit: 10,
            supportBigNumbers: true,
            charset: 'utf8mb4',
            timezone: 'Z',
          }),
        })
  return { db: new Kysely<SamplesDB>({ dialect }), proxy }
}
