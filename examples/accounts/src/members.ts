import type { Kysely } from 'kysely'
import type { LegacyDB, TargetDB } from './databases.ts'

export interface Member {
  readonly id: number
  readonly email: string
  readonly name: string
}

/** What the routes know of members. They know nothing of two databases. */
export interface MemberRepository {
  find(id: number): Promise<Member | undefined>
  rename(id: number, name: string): Promise<Member | undefined>
  /** A member without a password yet: a reset sets the first one. */
  create(email: string, name: string): Promise<Member>
}

/** The repository that the service has always had. */
export class LegacyMembers implements MemberRepository {
  readonly #db: Kysely<LegacyDB>

  constructor(db: Kysely<LegacyDB>) {
    this.#db = db
  }

  async find(id: number): Promise<Member | undefined> {
    return this.#db
      .selectFrom('members')
      .select(['member_id as id', 'mail as email', 'name'])
      .where('member_id', '=', id)
      .executeTakeFirst()
  }

  async rename(id: number, name: string): Promise<Member | undefined> {
    await this.#db.updateTable('members').set({ name }).where('member_id', '=', id).execute()
    return this.find(id)
  }

  async create(email: string, name: string): Promise<Member> {
    const { insertId } = await this.#db
      .insertInto('members')
      .values({ mail: email, name, passwd: null, banned: 0 })
      .executeTakeFirstOrThrow()
    return { id: Number(insertId), email, name }
  }
}

/** The same over the new schema. */
export class TargetMembers implements MemberRepository {
  readonly #db: Kysely<TargetDB>

  constructor(db: Kysely<TargetDB>) {
    this.#db = db
  }

  async find(id: number): Promise<Member | undefined> {
    return this.#db.selectFrom('users').select(['id', 'email', 'name']).where('id', '=', id).executeTakeFirst()
  }

  async rename(id: number, name: string): Promise<Member | undefined> {
    await this.#db.updateTable('users').set({ name }).where('id', '=', id).execute()
    return this.find(id)
  }

  async create(email: string, name: string): Promise<Member> {
    return this.#db
      .insertInto('users')
      .values({ email: email.toLowerCase(), name, banned: 0 })
      .returning(['id', 'email', 'name'])
      .executeTakeFirstOrThrow()
  }
}
