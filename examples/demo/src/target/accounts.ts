import type { Kysely, Selectable } from 'kysely'
import type { Account, AccountDraft, AccountRepository } from '../domain/account.ts'
import { joinName, splitName } from './names.ts'
import type { TargetSchema, UsersTable } from './schema.ts'

export class TargetAccounts implements AccountRepository {
  readonly #db: Kysely<TargetSchema>

  constructor(db: Kysely<TargetSchema>) {
    this.#db = db
  }

  async findById(id: number): Promise<Account | undefined> {
    const row = await this.#db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst()
    return row && fromRow(row)
  }

  async edit(id: number, draft: AccountDraft): Promise<Account | undefined> {
    const row = await this.#db
      .updateTable('users')
      .set({ email: draft.email, ...splitName(draft.name) })
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirst()
    return row && fromRow(row)
  }
}

function fromRow(row: Selectable<UsersTable>): Account {
  return {
    id: row.id,
    email: row.email,
    name: joinName(row),
    active: row.is_active,
    joinedAt: row.joined_at.getTime() / 1000,
  }
}
