import { createMigration, defineEntity, type Migration, opaqueSide } from '@twinspan/core'
import { dualWrite, write } from '@twinspan/dual-write'
import { kyselySide } from '@twinspan/kysely'
import type { Generated, Kysely } from 'kysely'
import { type Account, type Accounts, HttpAccounts, httpAccountStore } from './http-accounts.ts'

export interface AccountsDB {
  accounts: { id: Generated<number>; name: string }
}

class SqlAccounts implements Accounts {
  readonly #db: Kysely<AccountsDB>
  constructor(db: Kysely<AccountsDB>) {
    this.#db = db
  }
  async create(name: string): Promise<Account> {
    const row = await this.#db.insertInto('accounts').values({ name }).returningAll().executeTakeFirstOrThrow()
    return { id: Number(row.id), name }
  }
  async rename(id: number, name: string): Promise<void> {
    await this.#db.updateTable('accounts').set({ name }).where('id', '=', id).execute()
  }
  async remove(id: number): Promise<void> {
    await this.#db.deleteFrom('accounts').where('id', '=', id).execute()
  }
}

/** One process of an application that moves from a service to a database. The journal of the service is a database of its own. */
export function openOpaqueWorld(service: string, journal: Kysely<unknown>, targetDb: Kysely<AccountsDB>) {
  const legacy = opaqueSide({ journal: kyselySide(journal), guard: 'version' })
  const target = kyselySide(targetDb)
  const table = target.table('accounts', { key: 'id' })
  const accounts = defineEntity({
    name: 'accounts',
    legacy: httpAccountStore(service),
    target: table,
    toTarget: (row) => row,
    toLegacy: (row) => ({ id: Number(row.id), name: row.name }),
  })
  const migration: Migration = createMigration({
    name: 'accounts',
    legacy,
    target,
    entities: [accounts],
    capture: { legacy: 'intent', target: 'trigger' },
    intents: { holdMs: 600, quarantineMs: 5_000 },
    refreshMs: 200,
    leaseMs: 1_000,
  })
  const repository = dualWrite<Accounts>(migration, accounts, {
    legacy: new HttpAccounts(service),
    target: new SqlAccounts(targetDb),
    operations: {
      create: write({ key: (_name, created) => created.id }),
      rename: write({ key: (id) => id }),
      remove: write({ key: (id) => id }),
    },
  })
  return { migration, accounts, repository }
}
