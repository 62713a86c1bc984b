import {
  type BridgeState,
  type Credential,
  type CredentialStore,
  type KeyPart,
  keyText,
  textOption,
} from '@twinspan/core'
import { type Kysely, type RawBuilder, type SelectQueryBuilder, sql } from 'kysely'
import { createAuthBridges, type Row, type Tables } from './auth-bridges.ts'
import { type Database, openDatabase } from './database.ts'

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
  /** Columns with what belongs to the hash, by the names that its scheme asks for: `{ salt: 'pw_salt' }`. */
  readonly params?: Readonly<Record<string, Name<DB[Table]>>>
  /**
   * The table with the logins, where it is another one; `uid` is the column of the user's id in it. Who is in this one
   * only has no password yet.
   */
  readonly identities?: {
    readonly table: Identities
    readonly uid: Name<DB[Identities]>
    /** A column there that says whether the account is locked. */
    readonly locked?: Name<DB[Identities]>
  }
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
  const params = Object.entries(options.params ?? {})
  const bridges = createAuthBridges(app, database)

  const uidRef = (): RawBuilder<unknown> =>
    sql.ref(identities === undefined ? `account.${uidColumn}` : `identity.${identities.uid}`)
  const accounts = (): SelectQueryBuilder<Tables, string, Row> => {
    const uid = uidRef()
    const joined =
      identities === undefined
        ? app.selectFrom(`${table} as account`)
        : app
            .selectFrom(`${identities.table as string} as identity`)
            .leftJoin(`${table} as account`, (on) => on.on(sql.ref(`account.${uidColumn}`), '=', uid))
    // One statement: a hash and the record of another moment would let an old password through.
    return joined
      .leftJoin('twinspan_auth_bridge as bridge', (on) => on.on(sql.ref('bridge.uid'), '=', text(database, uid)))
      .select([
        uid.as('uid'),
        sql.ref(`${identities === undefined ? 'account' : 'identity'}.${loginColumn}`).as('login'),
        sql.ref(`account.${hashColumn}`).as('hash'),
        (locked === undefined ? sql`null` : sql.ref(`account.${locked}`)).as('locked'),
        (identities?.locked === undefined ? sql`null` : sql.ref(`identity.${identities.locked}`)).as('barred'),
        ...params.map(([name, column]) => sql.ref(`account.${column}`).as(`param_${name}`)),
        sql.ref('bridge.revision').as('revision'),
        sql.ref('bridge.state').as('state'),
        sql.ref('bridge.fingerprint').as('fingerprint'),
      ]) as unknown as SelectQueryBuilder<Tables, string, Row>
  }
  const show = (row: Row): Credential => ({
    uid: row['uid'] as KeyPart,
    login: row['login'] as string | null,
    hash: hashText(row['hash']),
    locked:
      (locked !== undefined && isLocked(row['locked'])) ||
      (identities?.locked !== undefined && isLocked(row['barred'])),
    ...(params.length === 0 ? {} : { params: paramsOf(row) }),
    bridge: bridgeOf(row),
  })
  const paramsOf = (row: Row): NonNullable<Credential['params']> =>
    Object.fromEntries(
      params.flatMap(([name]) => {
        const value = row[`param_${name}`]
        if (value === null || value === undefined) return []
        return [[name, value instanceof Uint8Array ? value : String(value as string | number | bigint)]]
      }),
    )
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
        const [row] = await accounts().where(sql<boolean>`${uidRef()} = ${uid}`).execute()
        if (row !== undefined) return show(row)
        const [record] = await bridges.read([uid])
        return record === undefined ? undefined : leftOver(uid, record)
      }),
    scan: ({ after, limit }) =>
      bridges.withTables(async () => {
        const page = after === undefined ? accounts() : accounts().where(sql<boolean>`${uidRef()} > ${after}`)
        const rows = await page.orderBy(uidRef()).limit(limit).execute()
        return rows.map(show)
      }),
    findByUids: (uids) =>
      bridges.withTables(async () => {
        if (uids.length === 0) return []
        const rows = await accounts()
          .where(sql<boolean>`${uidRef()} in (${sql.join(uids)})`)
          .execute()
        const there = new Set(rows.map((row) => keyText(row['uid'] as KeyPart)))
        const gone = uids.filter((uid) => !there.has(keyText(uid)))
        const records = gone.length === 0 ? [] : await bridges.read(gone)
        return [...rows.map(show), ...records.map((record) => leftOver(record['uid'] as KeyPart, record))]
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
        if (numUpdatedRows > 0n) return true
        if (expected.hash !== null || identities === undefined) return false
        // The login is there and its password is not: a row of its own, unless another was faster.
        const owner = await trx
          .selectFrom(identities.table as string)
          .select(sql.ref(loginColumn).as('login'))
          .where(sql<boolean>`${sql.ref(identities.uid)} = ${uid}`)
          .executeTakeFirst()
        if (owner === undefined) return false
        const login = String(owner['login'])
        await trx
          .insertInto(table)
          .values({ ...defaults({ uid, login }), [uidColumn]: uid, [hashColumn]: hash })
          .execute()
        return true
      }),
  }
}

/** A hash without what its column adds: columns of a fixed width pad, binary ones give bytes. */
function hashText(value: unknown): string | null {
  if (value === null || value === undefined) return null
  const text = value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : String(value as string)
  return text.replace(/[ \0]+$/, '')
}

function leftOver(uid: KeyPart, record: Row): Credential {
  return { uid, login: null, hash: null, locked: false, bridge: bridgeOf(record) }
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
  if (dialect.engine === 'mysql') return sql<string>`cast(${uid} as char(255))`
  // In the collation of the record's column, so that its index serves the join.
  const text = sql<string>`cast(${uid} as text)`
  return dialect.engine === 'postgres' ? sql<string>`${text} collate "C"` : text
}

function truthy(value: unknown): boolean {
  return value !== undefined && ![null, false, 0, 0n, '0', 'f', 'false', ''].includes(value as null)
}
