/** The repository that is measured: one write by key, one read by key. */
export interface Accounts {
  save(id: number, balance: number): Promise<void>
  find(id: number): Promise<number | undefined>
}

/** A repository whose store costs nothing: what is left is the wrapper. */
export function noopAccounts(): Accounts {
  return {
    async save() {},
    async find() {
      return undefined
    },
  }
}
