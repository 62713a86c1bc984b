import { createMigration, defineEntity, type Entity, type Migration } from '@twinspan/core'
import { kyselySide } from '@twinspan/kysely'
import type { Databases } from './databases.ts'

export interface MembersMove {
  readonly migration: Migration
  readonly users: Entity
}

/** What moves, from where and to where: the same in every process of the service, and for the command line. */
export function createMembersMove({ legacy: legacyDb, copies }: Pick<Databases, 'legacy' | 'copies'>): MembersMove {
  const legacy = kyselySide(legacyDb)
  const target = kyselySide(copies)
  const users = defineEntity({
    name: 'users',
    legacy: legacy.table('members', { key: 'member_id' }),
    target: target.table('users', { key: 'id' }),
    // No password: it moves by itself when its owner logs in.
    toTarget: ({ member_id, mail, name, banned }) => ({ id: member_id, email: mail.toLowerCase(), name, banned }),
    toLegacy: ({ id, email, name, banned }) => ({ member_id: id, mail: email, name, banned }),
  })
  const migration = createMigration({ name: 'members', legacy, target, entities: [users], timeoutMs: 5_000 })
  return { users, migration }
}
