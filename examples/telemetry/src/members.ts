import type { Generated, Kysely } from 'kysely'

export interface Member {
  readonly id: number
  readonly mail: string
}

/** What the service has always called. */
export interface Members {
  find(id: number): Promise<Member | undefined>
  join(mail: string): Promise<Member>
  rename(id: number, mail: string): Promise<void>
}

export interface LegacyTables {
  members: { member_id: Generated<number>; mail: string }
}

export interface TargetTables {
  users: { id: Generated<number>; email: string }
}

export function legacyMembers(db: Kysely<LegacyTables>): Members {
  const all = db.selectFrom('members').select(['member_id as id', 'mail'])
  return {
    find: (id) => all.where('member_id', '=', id).executeTakeFirst(),
    join: (mail) =>
      db.insertInto('members').values({ mail }).returning(['member_id as id', 'mail']).executeTakeFirstOrThrow(),
    async rename(id, mail) {
      await db.updateTable('members').set({ mail }).where('member_id', '=', id).execute()
    },
  }
}

export function targetMembers(db: Kysely<TargetTables>): Members {
  const all = db.selectFrom('users').select(['id', 'email as mail'])
  return {
    find: (id) => all.where('id', '=', id).executeTakeFirst(),
    join: (mail) =>
      db.insertInto('users').values({ email: mail }).returning(['id', 'email as mail']).executeTakeFirstOrThrow(),
    async rename(id, mail) {
      await db.updateTable('users').set({ email: mail }).where('id', '=', id).execute()
    },
  }
}
