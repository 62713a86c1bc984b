import type { LegacyCredentials, TargetCredentials } from '@twinspan/core'
import type { Kysely } from 'kysely'
import { expectTypeOf, it } from 'vitest'
import { kyselyCredentials } from '../src/index.ts'

interface DB {
  readonly members: { readonly id: number; readonly mail: string; readonly password: string }
  readonly users: { readonly user_id: number; readonly email: string }
}

declare const db: Kysely<DB>

it('takes tables and columns of the database only', () => {
  const store = kyselyCredentials(db, { table: 'members', uid: 'id', login: 'mail', hash: 'password' })
  expectTypeOf(store).toExtend<LegacyCredentials>()
  expectTypeOf(store).toExtend<TargetCredentials>()
  // @ts-expect-error no such table
  kyselyCredentials(db, { table: 'member', uid: 'id', login: 'mail', hash: 'password' })
  // @ts-expect-error no such column
  kyselyCredentials(db, { table: 'members', uid: 'id', login: 'mail', hash: 'passwd' })
  // @ts-expect-error no column for the hash
  kyselyCredentials(db, { table: 'members', uid: 'id', login: 'mail' })
})

it('takes the login from the table of the identities where there is one', () => {
  const identities = { table: 'users', uid: 'user_id' } as const
  kyselyCredentials(db, { table: 'members', uid: 'id', hash: 'password', login: 'email', identities })
  // @ts-expect-error a column of the other table
  kyselyCredentials(db, { table: 'members', uid: 'id', hash: 'password', login: 'mail', identities })
})
