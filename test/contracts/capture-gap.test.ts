import { setTimeout as sleep } from 'node:timers/promises'
import { backfill } from '@twinspan/backfill'
import { createMigration, defineEntity } from '@twinspan/core'
import { createCutover } from '@twinspan/cutover'
import { createMirror, dualWrite, write } from '@twinspan/dual-write'
import { kyselySide } from '@twinspan/kysely'
import { reconcile } from '@twinspan/reconcile'
import { type Kysely, sql } from 'kysely'
import { expect, it, onTestFinished } from 'vitest'
import { sqlite } from '../support/sqlite.ts'

interface Account {
  readonly id: number
  readonly name: string
}

interface DB {
  accounts: Account
}

class Accounts {
  readonly #db: Kysely<DB>
  constructor(db: Kysely<DB>) {
    this.#db = db
  }
  async add(account: Account): Promise<Account> {
    await this.#db.insertInto('accounts').values(account).execute()
    return account
  }
}

/** A migration in dual-write that captures by transaction, its history copied. */
async function world() {
  const databases = [await sqlite.open<DB>(), await sqlite.open<DB>()] as const
  for (const { db } of databases) await sql`create table accounts (id integer primary key, name text)`.execute(db)
  const [legacy, target] = [kyselySide(databases[0].db), kyselySide(databases[1].db)]
  const accounts = defineEntity({
    name: 'accounts',
    legacy: legacy.table('accounts', { key: 'id' }),
    target: target.table('accounts', { key: 'id' }),
    toTarget: (row) => row,
    toLegacy: (row) => row,
  })
  const migration = createMigration({
    name: 'gaps',
    legacy,
    target,
    entities: [accounts],
    capture: 'transaction',
    onCaptureFailure: 'write-anyway',
  })
  await migration.start()
  for (const to of ['capture', 'dual-write'] as const)
    await migration.advance({ to, actor: 'test', reason: 'the road' })
  const mirror = createMirror(migration)
  onTestFinished(async () => {
    await mirror.stop()
    await migration.stop()
    for (const { close } of databases) await close()
  })
  for await (const _ of backfill(migration, accounts));
  const repository = dualWrite<Accounts>(migration, accounts, {
    legacy: (db: Kysely<DB>) => new Accounts(db),
    target: (db: Kysely<DB>) => new Accounts(db),
    operations: { add: write({ key: ({ id }) => id }) },
  })
  const cutover = createCutover(migration, { clockSkewMs: 0 })
  return {
    db: databases[0].db,
    targetDb: databases[1].db,
    repository,
    mirror,
    gate: async (name: string) => (await cutover.plan({ to: 'target-primary' })).gates.find((one) => one.name === name),
    /** A full sweep that repairs; how many rows differed. */
    async sweep() {
      // The gap's time and the sweep's are milliseconds of one clock.
      await sleep(5)
      let differed = 0
      for await (const _ of reconcile.sweep(migration, accounts, { repair: true })) differed++
      await mirror.drain()
      return differed
    },
  }
}

it('closes the switch over a write that nobody captured until a full sweep that began later is clean', async () => {
  const { db, targetDb, repository, mirror, gate, sweep } = await world()
  await sweep()
  expect(await gate('no-capture-gaps')).toMatchObject({ ok: true, detail: 'no gap' })

  await sql`alter table twinspan_journal rename to twinspan_away`.execute(db)
  expect(await repository.add({ id: 1, name: 'uncaptured' })).toEqual({ id: 1, name: 'uncaptured' })
  await sql`alter table twinspan_away rename to twinspan_journal`.execute(db)

  await mirror.drain()
  expect(await targetDb.selectFrom('accounts').selectAll().execute()).toEqual([])
  expect(await gate('no-capture-gaps')).toMatchObject({ ok: false, detail: '1 uncaptured write in accounts' })

  expect(await sweep()).toBe(1)
  expect(await targetDb.selectFrom('accounts').selectAll().execute()).toEqual([{ id: 1, name: 'uncaptured' }])
  expect(await gate('no-capture-gaps')).toMatchObject({ ok: false })
  expect(await sweep()).toBe(0)
  expect(await gate('no-capture-gaps')).toMatchObject({ ok: true, detail: '1 gaps, all swept since' })
})
