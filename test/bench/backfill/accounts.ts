import { createMigration, defineEntity, type Entity, type Migration, sameColumns } from '@twinspan/core'
import { kyselySide } from '@twinspan/kysely'
import type { Kysely } from 'kysely'
import type { Engine } from '../../support/engines.ts'
import { mariadb } from '../../support/mariadb.ts'
import { postgres } from '../../support/postgres.ts'
import type { Account, SamplesDB } from '../samples.ts'

export const ENGINES: Readonly<Record<string, Engine>> = { mariadb, postgres }

const COLUMNS = ['id', 'email', 'name', 'balance', 'score', 'active', 'ratio', 'created', 'note'] as const

/**
 * How rows become the target's. `function`: a function that makes each row, as an application has one, booleans and all.
 * `columns`: declared to be nothing but a renaming.
 */
export type Translation = 'function' | 'columns'

export function accountsMigration(
  legacy: Kysely<SamplesDB>,
  target: Kysely<SamplesDB>,
  { name, translation }: { readonly name: string; readonly translation: Translation },
): { readonly migration: Migration; readonly accounts: Entity } {
  const sides = { legacy: kyselySide(legacy), target: kyselySide(target) }
  const stores = {
    name: 'accounts',
    legacy: sides.legacy.table('accounts', { key: 'id' }) as never,
    target: sides.target.table('accounts', { key: 'id' }) as never,
  }
  const declared = sameColumns(Object.fromEntries(COLUMNS.map((name) => [name, name]))) as never as {
    toTarget(row: Account): Account
    toLegacy(row: Account): Account
  }
  const accounts =
    translation === 'columns'
      ? defineEntity<Account, Account, Account, Account>({ ...stores, ...declared })
      : defineEntity<Account, Account, Account, Account>({
          ...stores,
          toTarget: (row) => ({ ...row, active: Boolean(row.active) }),
          toLegacy: (row) => ({ ...row, active: Number(row.active) }),
        })
  return { accounts, migration: createMigration({ name, ...sides, entities: [accounts] }) }
}
