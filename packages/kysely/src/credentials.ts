import { randomBytes } from 'node:crypto'
import {
  type BridgeRecord,
  type BridgeState,
  type Credential,
  type CredentialStore,
  type KeyPart,
  keyText,
  textOption,
} from '@twinspan/core'
import { type Kysely, type RawBuilder, type SelectQueryBuilder, sql } from 'kysely'
import { type Database, openDatabase } from './database.ts'
import { untilFree } from './transact.ts'

type Name<Table> = keyof Table & string

/** Where an application keeps the logins of its users and the hashes of their passwords. */
export interface KyselyCredentialsOptions<DB, Table extends Name<DB>, Identities extends Name<DB> = never> {
  /**
   * The table with the hashes. In the target it is best a table of its own: a hash in a mirrored table is a write on the
   * side that is not the primary, and is overwritten by the next copy of its row.
   */
  readonly table: Table
  /** The column of the user's id. An integer, text or a UUID, the same on both sides. */
  readonly uid: Name<DB[Table]>
  /** The column of what users log in with. With `identities` it is the name of the column there. */
  readonly login: [Identities] extends [never] ? Name<DB[Table]> : Name<DB[Identities]>
  /** The column of the hash. */
  readonly hash: Name<DB[Table]>
  /** A column that says whether the account is locked. */
  readonly locked?: Name<DB[Table]>
  /** @default everything but null, `false`, `0`, `'0'`, `'f'` and `''` */
  readonly isLocked?: (value: unknown) => boolean
  /** The table with the logins, where it is another one; `uid` is the column of the user's id in it. */
  readonly identities?: { readonly table: Identities; readonly uid: Name<DB[Identities]> }
  /** How this store spells logins: applied to what is looked up and to what is inserted. */
  readonly normaliseLogin?: (login: string) => string
  /** What a new account's row needs besides its id, its login and its hash. */
  readonly defaults?: (account: { readonly uid: KeyPart; readonly login: string }) => Readonly<Record<string, unknown>>
}

export interface KyselyCredentials extends CredentialStore {
  /**
   * Creates the tables `twinspan_auth_bridge` and `twinspan_auth_key`. The first call that needs them does so by itself;
   * where the service may not create tables, run this once with an account that may.
   */
  prepare(): Promise<void>
}

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

type Row = Record<string, unknown>

/** Every name is data here: the application's tables were checked by the options' types. */
type Tables = Record<string, Row> & { twinspan_auth_bridge: BridgeTable; twinspan_auth_key: KeyTable }

const BUSY_MS = 1_000
const KEY_BYTES = 32

/**
 * The ports of shadow authentication on a table of the application: PostgreSQL, MySQL, MariaDB, SQLite, PGlite.
 *
 * What Twinspan remembers of a user is in tables of its own, beside the application's: they can be written while the
 * application's are frozen.
 *
 * @throws InvalidOptionError, UnsupportedEngineError
 */
export function kyselyCredentials<DB, Table extends Name<DB>, Identities extends Name<DB> = never>(
  db: Kysely<DB>,
  options: KyselyCredentialsOptions<DB, Table, Identities>,
): KyselyCredentials {
  const database = openDatabase(db)
  const app = db as unknown as Kysely<Tables>
  const where = 'kyselyCredentials'
  const table = textOption('table', options.table, where)
  const uidColumn = textOption('uid', options.uid, where)
  const loginColumn = textOption('login', options.login, where)
  const hashColumn = textOption('hash', options.hash, where)
  const { locked, identities, isLocked = truthy, normaliseLogin = (login) => login, defaults = () => ({}) } = options
  const bridges = createBridges(app, database)

  const accounts = (): SelectQueryBuilder<Tables, string, Row> => {
    const uid = sql.ref(`account.${uidColumn}`)
    const from = app.selectFrom(`${table} as account`)
    const joined =
      identities === undefined
        ? from
        : from.innerJoin(`${identities.table} as identity`, `identity.${identities.uid}`, `account.${uidColumn}`)
    // One statement: a hash and the record of another moment would let an old password through.
    return joined
      .leftJoin('twinspan_auth_bridge as bridge', (on) => on.on(sql.ref('bridge.uid'), '=', text(database, uid)))
      .select([
        uid.as('uid'),
        sql.ref(`${identities === undefined ? 'account' : 'identity'}.${loginColumn}`).as('login'),
        sql.ref(`account.${hashColumn}`).as('hash'),
        (locked === undefined ? sql`null` : sql.ref(`account.${locked}`)).as('locked'),
        sql.ref('bridge.revision').as('revision'),
        sql.ref('bridge.state').as('state'),
        sql.ref('bridge.fingerprint').as('fingerprint'),
      ]) as unknown as SelectQueryBuilder<Tables, string, Row>
  }
  const show = (row: Row): Credential => ({
    uid: row['uid'] as KeyPart,
    login: row['login'] as string | null,
    hash: (row['hash'] ?? null) as string | null,
    locked: locked !== undefined && isLocked(row['locked']),
    bridge: bridgeOf(row),
  })
  const hasUid = (uid: KeyPart): RawBuilder<boolean> => sql<boolean>`${sql.ref(uidColumn)} = ${uid}`

  return {
    prepare: () => bridges.prepare(),
    find: (login) =>
      bridges.withTables(async () => {
        const column = sql.ref(`${identities === undefined ? 'account' : 'identity'}.${loginColumn}`)
        const rows = await accounts()
          .where(sql<boolean>`${column} = ${normaliseLogin(login)}`)
          .limit(2)
          .execute()
        return rows.map(show)
      }),
    findByUid: (uid) =>
      bridges.withTables(async () => {
        const [row] = await accounts()
          .where(sql<boolean>`${sql.ref(`account.${uidColumn}`)} = ${uid}`)
          .execute()
        if (row !== undefined) return show(row)
        const record = await bridges.read(uid)
        if (record === undefined) return undefined
        return { uid, login: null, hash: null, locked: false, bridge: bridgeOf(record) }
      }),
    closeBridge: (uid) => bridges.withTables(() => bridges.close(uid)),
    fingerprintKey: () => bridges.withTables(() => bridges.key()),
    changeBridge: (uid, revision, next) => bridges.swap((trx) => bridges.move(trx, uid, revision, next)),
    insertIfAbsent: ({ uid, login, hash, ...record }, revision) =>
      bridges.swap(async (trx) => {
        if (!(await bridges.move(trx, uid, revision, record))) return false
        const spelled = normaliseLogin(login)
        const named = identities === undefined ? { [loginColumn]: spelled } : {}
        await trx
          .insertInto(table)
          .values({ ...defaults({ uid, login: spelled }), [uidColumn]: uid, ...named, [hashColumn]: hash })
          .execute()
        return true
      }),
    replaceHash: (uid, expected, { hash, ...record }) =>
      bridges.swap(async (trx) => {
        if (!(await bridges.move(trx, uid, expected.revision, record))) return false
        const stored = sql.ref(hashColumn)
        const { numUpdatedRows } = await trx
          .updateTable(table)
          .set({ [hashColumn]: hash })
          .where(hasUid(uid))
          .where(expected.hash === null ? sql<boolean>`${stored} is null` : sql<boolean>`${stored} = ${expected.hash}`)
          .executeTakeFirstOrThrow()
        return numUpdatedRows > 0n
      }),
  }
}

interface Bridges {
  prepare(): Promise<void>
  /** Runs `work`; when it fails because the tables are missing, creates them and runs it again. */
  withTables<T>(work: () => Promise<T>): Promise<T>
  /** Runs `work` in a transaction that is rolled back when it returns `false`. A duplicate key is a `false` as well. */
  swap(work: (trx: Kysely<Tables>) => Promise<boolean>): Promise<boolean>
  read(uid: KeyPart): Promise<Row | undefined>
  move(trx: Kysely<Tables>, uid: KeyPart, revision: number, next: BridgeRecord): Promise<boolean>
  close(uid: KeyPart): Promise<void>
  key(): Promise<Uint8Array>
}

class Lost extends Error {}

/** Twinspan's own two tables. */
function createBridges(app: Kysely<Tables>, database: Database): Bridges {
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
      if (await isThere()) return
      try {
        await create()
      } catch (error) {
        // Two processes that create one table at once: PostgreSQL fails the second, which finds it made.
        if (!(await isThere())) throw error
      }
    })().catch((error: unknown) => {
      prepared = undefined
      throw error
    })
    return prepared
  }
  const withTables: Bridges['withTables'] = async (work) => {
    try {
      return await work()
    } catch (error) {
      // The usual case costs nothing. Nothing was written by what failed for want of a table.
      if (!isMissingTable(error)) throw error
      await prepare()
      return await work()
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
    read: (uid) =>
      app.selectFrom('twinspan_auth_bridge').selectAll().where('uid', '=', keyText(uid)).executeTakeFirst() as Promise<
        Row | undefined
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

function bridgeOf({ revision, state, fingerprint }: Row): Credential['bridge'] {
  if (revision === null || revision === undefined) return { revision: 0, state: 'open', fingerprint: null }
  return {
    revision: Number(revision),
    state: state as BridgeState,
    fingerprint: (fingerprint ?? null) as string | null,
  }
}

/** An id as `keyText` spells it. */
function text({ dialect }: Database, uid: RawBuilder<unknown>): RawBuilder<string> {
  return dialect.engine === 'mysql' ? sql<string>`cast(${uid} as char(255))` : sql<string>`cast(${uid} as text)`
}

function truthy(value: unknown): boolean {
  return value !== null && value !== undefined && !['false', '0', 'f', ''].includes(String(value))
}
