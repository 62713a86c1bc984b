/** A member of the service. His password is the login's business alone. */
export interface Account {
  readonly id: number
  readonly email: string
  readonly name: string
  readonly active: boolean
  /** Seconds since 1970. */
  readonly joinedAt: number
}

export interface AccountDraft {
  readonly email: string
  readonly name: string
}

export interface AccountRepository {
  findById(id: number): Promise<Account | undefined>
  edit(id: number, draft: AccountDraft): Promise<Account | undefined>
}
