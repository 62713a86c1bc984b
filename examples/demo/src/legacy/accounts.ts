import type { Kysely, Selectable } from 'kysely'
import type { Account, AccountDraft, AccountRepository } from '../domain/account.ts'
import type { LegacySchema, MembersTable } from './schema.ts'

export class LegacyAccounts implements AccountRepository {
  readonly #db: Kysely<LegacySchema>

  constructor(db: Kysely<LegacySchema>) {
    this.#db = db
  }

  async findById(id: number): Promise<Account | undefined> {
    const row = await this.#db
      .selectFrom('members')
      .select(['member_no', 'mail', 'full_nm', 'stat_cd', 'join_epoch'])
      .where('member_no', '=', id)
      .executeTakeFirst()
    return row && fromRow(row)
  }

  async edit(id: number, draft: AccountDraft): Promise<Account | undefined> {
    const row = await this.#db
      .updateTable('members')
      .set({ mail: draft.email, full_nm: draft.name })
      .where('member_no', '=', id)
      .returning(['member_no', 'mail', 'full_nm', 'stat_cd', 'join_epoch'])
      .executeTakeFirst()
    return row && fromRow(row)
  }
}

function fromRow(row: Omit<Selectable<MembersTable>, 'passwd'>): Account {
  return {
    id: row.member_no,
    email: row.mail,
    name: row.full_nm,
    active: row.stat_cd === 'A',
    joinedAt: row.join_epoch,
  }
}
