import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type BridgeRecord, type BridgeState, type KeyPart, keyText } from '@twinspan/core'
import type { Kysely } from 'kysely'
import type { Database } from './database.ts'
import { untilFree } from './transact.ts'

interface BridgeTable {
  uid: string
  revision: number
  state: BridgeState
  fingerprint: string | null
}

interface KeyTable {
  id: number
  value: string
}

export type Row = Record<string, unknown>

/** Every name is data here: the application's tables were checked by the options' types. */
export type Tables = Record<string, Row> & { twinspan_auth_bridge: BridgeTable; twinspan_auth_key: KeyTable }

const BUSY_MS = 1_000
const KEY_BYTES = 32
const ATTEMPTS = 5

/** What Twinspan remembers of each user's bridge, in two tables of its own. */
export interface AuthBridges {
  prepare(): Promise<void>
  /** Runs `work`; when it fails because the tables are missing, creates them and runs it again. */
  withTables<T>(work: () => Promise<T>): Promise<T>
  /** Runs `work` in a transaction that is rolled back when it returns `false`. A duplicate key is a `false` as well. */
  swap(work: (trx: Kysely<Tables>) => Promise<boolean>): Promise<boolean>
  read(uids: readonly KeyPart[]): Promise<readonly Row[]>
  move(trx: Kysely<Tables>, uid: KeyPart, revision: number, next: BridgeRecord): Promise<boolean>
  close(uid: KeyPart): Promise<void>
  key(): Promise<Uint8Array>
}

class Lost extends Error {}

export function createAuthBridges(app: Kysely<Tables>, database: Database): AuthBridges {
  const { dialect } = database
  let prepared: Promise<void> | undefined

  const isThere = async (): Promise<boolean> => {
    try {
      await app.selectFrom('twinspan_auth_bridge').select('uid').limit(0).execute()
      await app.selectFrom('twinspan_auth_key').select('id').limit(0).execute()
      return true
    } catch {
      return false
    }
  }
  const create = async (): Promise<void> => {
    const options = dialect.tableOptions
    const bridge = app.schema
      .createTable('twinspan_auth_bridge')
      .ifNotExists()
      .addColumn('uid', dialect.engine === 'mysql' ? 'varchar(255)' : dialect.typeOf('key'), (c) => c.primaryKey())
      .addColumn('revision', 'integer', (c) => c.notNull())
      .addColumn('state', 'varchar(16)', (c) => c.notNull())
      .addColumn('fingerprint', 'varchar(64)')
    const key = app.schema
      .createTable('twinspan_auth_key')
      .ifNotExists()
      .addColumn('id', 'integer', (c) => c.primaryKey())
      .addColumn('value', 'varchar(64)', (c) => c.notNull())
    for (const one of [bridge, key]) {
      await (options === undefined ? one : one.modifyEnd(options)).execute()
    }
  }
  const prepare = (): Promise<void> => {
    prepared ??= (async () => {
      for (let attempt = 1; !(await isThere()); attempt++) {
        try {
          return await create()
        } catch (error) {
          // Two processes that create one table at once: PostgreSQL fails the second, `if not exists` or not.
          if (attempt === ATTEMPTS) throw error
          await sleep(attempt * 20)
        }
      }
    })().catch((error: unknown) => {
      prepared = undefined
      throw error
    })
    return prepared
  }
  const withTables: AuthBridges['withTables'] = async (work) => {
    try {
      return await work()
    } catch (error) {
      // The usual case costs nothing. Nothing was written by what failed for want of a table.
      if (!isMissingTable(error)) throw error
      await prepare()
      return work()
    }
  }
  const isUnique = (error: unknown): boolean => dialect.trouble(error) === 'unique'

  return {
    prepare,
    withTables,
    swap: (work) =>
      withTables(async () => {
        try {
          return await untilFree(database, BUSY_MS, () =>
            afterDeadlock(() =>
              app.transaction().execute(async (trx) => {
                if (!(await work(trx))) throw new Lost()
                return true
              }),
            ),
          )
        } catch (error) {
          if (error instanceof Lost || isUnique(error)) return false
          throw error
        }
      }),
    read: (uids) =>
      app.selectFrom('twinspan_auth_bridge').selectAll().where('uid', 'in', uids.map(keyText)).execute() as Promise<
        Row[]
      >,
    async move(trx, uid, revision, { state, fingerprint }) {
      const next = { revision: revision + 1, state, fingerprint }
      if (revision === 0) {
        await trx
          .insertInto('twinspan_auth_bridge')
          .values({ uid: keyText(uid), ...next })
          .execute()
        return true
      }
      const { numUpdatedRows } = await trx
        .updateTable('twinspan_auth_bridge')
        .set(next)
        .where('uid', '=', keyText(uid))
        .where('revision', '=', revision)
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },
    async close(uid) {
      const record = { uid: keyText(uid), revision: 1, state: 'closed' as const, fingerprint: null }
      try {
        await untilFree(database, BUSY_MS, () => app.insertInto('twinspan_auth_bridge').values(record).execute())
      } catch (error) {
        if (!isUnique(error)) throw error
        await untilFree(database, BUSY_MS, () =>
          app
            .updateTable('twinspan_auth_bridge')
            .set((eb) => ({ state: 'closed', revision: eb('revision', '+', 1) }))
            .where('uid', '=', record.uid)
            .where('state', '<>', 'closed')
            .execute(),
        )
      }
    },
    async key() {
      const stored = async (): Promise<string | undefined> =>
        (await app.selectFrom('twinspan_auth_key').select('value').where('id', '=', 1).executeTakeFirst())?.value
      const made = randomBytes(KEY_BYTES).toString('hex')
      let value = await stored()
      if (value === undefined) {
        try {
          await untilFree(database, BUSY_MS, () =>
            app.insertInto('twinspan_auth_key').values({ id: 1, value: made }).execute(),
          )
        } catch (error) {
          if (!isUnique(error)) throw error
        }
        value = await stored()
      }
      return Buffer.from(value ?? made, 'hex')
    },
  }
}

const DEADLOCKS = 3

/** Runs again what the server gave up to end a deadlock: nothing of it was done. */
async function afterDeadlock<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      const { code, errno } = error as { code?: unknown; errno?: unknown }
      const victim = errno === 1213 || code === '40P01' || code === '40001'
      if (!victim || attempt === DEADLOCKS) throw error
    }
  }
}

function isMissingTable(error: unknown): boolean {
  const { code, errno, message = '' } = error as { code?: unknown; errno?: unknown; message?: string }
  return code === '42P01' || errno === 1146 || message.includes('no such table: twinspan_auth')
}
