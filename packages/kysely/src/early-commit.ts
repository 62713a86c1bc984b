import { type DatabaseConnection, type Kysely, sql } from 'kysely'

interface State {
  committed: boolean
}

const states = new WeakMap<DatabaseConnection, State>()

/**
 * Ends the transaction of a connection with a statement and the commit behind it, both in one round trip. The commit that
 * Kysely sends when it leaves the transaction is then answered here.
 *
 * `statement` must fail in a way that fails the transaction; the server then ignores what follows.
 */
export async function commitWith<DB>(transaction: Kysely<DB>, statement: string): Promise<void> {
  const connection = await transaction.getExecutor().provideConnection(async (one) => one)
  const state = watch(connection)
  await sql.raw(`${statement}; commit`).execute(transaction)
  state.committed = true
}

function watch(connection: DatabaseConnection): State {
  const known = states.get(connection)
  if (known !== undefined) return known
  const state: State = { committed: false }
  states.set(connection, state)
  const execute = connection.executeQuery
  connection.executeQuery = (query, options) => {
    if (!state.committed) return execute.call(connection, query, options) as never
    state.committed = false
    // Anything but the commit finds no transaction, and is the business of whoever sends it.
    if (query.sql !== 'commit') return execute.call(connection, query, options) as never
    return Promise.resolve({ rows: [{ command: 'COMMIT' }] }) as never
  }
  return state
}

/** Whether the driver takes two statements at once. Some prepare everything, and a prepared statement is one. */
export async function takesSeveral<DB>(db: Kysely<DB>): Promise<boolean> {
  return sql
    .raw('select 1; select 1')
    .execute(db)
    .then(
      () => true,
      () => false,
    )
}
