import { randomBytes } from 'node:crypto'
import type { BridgeRecord, Credential, CredentialStore } from '../../credentials.ts'
import { type KeyPart, keyText } from '../../key.ts'

export interface MemoryAccount {
  readonly uid: KeyPart
  readonly login: string
  hash: string | null
  locked?: boolean
}

export interface MemoryCredentialsOptions {
  readonly accounts?: readonly MemoryAccount[]
  /** Awaited before each operation and again before its answer: where a test holds, kills or fails it. */
  readonly step?: (operation: keyof CredentialStore, when: 'before' | 'after') => void | Promise<void>
}

export interface MemoryCredentials extends CredentialStore {
  /** The accounts, by `keyText`. Writing here is what an application does behind the library's back. */
  readonly accounts: Map<string, MemoryAccount>
  /** Adds a user or changes one, as the application would. */
  put(account: MemoryAccount): void
}

/** A credential store in memory: both ports of shadow authentication. Logins are compared exactly. */
export function memoryCredentials(options: MemoryCredentialsOptions = {}): MemoryCredentials {
  const { step = () => {} } = options
  const accounts = new Map<string, MemoryAccount>()
  const records = new Map<string, BridgeRecord & { readonly revision: number }>()
  let key: Buffer | undefined

  const put = (account: MemoryAccount): void => {
    accounts.set(keyText(account.uid), { ...account })
  }
  for (const account of options.accounts ?? []) put(account)

  const show = (uid: KeyPart): Credential | undefined => {
    const account = accounts.get(keyText(uid))
    const record = records.get(keyText(uid))
    if (account === undefined && record === undefined) return undefined
    return {
      uid: account?.uid ?? uid,
      login: account?.login ?? null,
      hash: account?.hash ?? null,
      locked: account?.locked ?? false,
      bridge: record ?? { revision: 0, state: 'open', fingerprint: null },
    }
  }
  const move = (uid: KeyPart, revision: number, { state, fingerprint }: BridgeRecord): boolean => {
    if ((records.get(keyText(uid))?.revision ?? 0) !== revision) return false
    records.set(keyText(uid), { revision: revision + 1, state, fingerprint })
    return true
  }
  const run = async <T>(operation: keyof CredentialStore, work: () => T): Promise<T> => {
    await step(operation, 'before')
    const result = work()
    await step(operation, 'after')
    return result
  }

  return {
    accounts,
    put,
    find: (login) =>
      run('find', () =>
        [...accounts.values()].filter((one) => one.login === login).flatMap((one) => show(one.uid) ?? []),
      ),
    findByUid: (uid) => run('findByUid', () => show(uid)),
    scan: ({ after, limit }) =>
      run('scan', () => {
        const uids = [...accounts.values()].map(({ uid }) => uid).sort(byUid)
        const from = after === undefined ? 0 : uids.filter((uid) => byUid(uid, after) <= 0).length
        return uids.slice(from, from + limit).flatMap((uid) => show(uid) ?? [])
      }),
    findByUids: (uids) => run('findByUids', () => uids.flatMap((uid) => show(uid) ?? [])),
    closeBridge: (uid) =>
      run('closeBridge', () => {
        const { revision = 0, fingerprint = null } = records.get(keyText(uid)) ?? {}
        move(uid, revision, { state: 'closed', fingerprint })
      }),
    fingerprintKey: () =>
      run('fingerprintKey', () => {
        key ??= randomBytes(32)
        return key
      }),
    insertIfAbsent: ({ uid, login, hash, ...record }, revision) =>
      run('insertIfAbsent', () => {
        const taken = accounts.has(keyText(uid)) || [...accounts.values()].some((one) => one.login === login)
        if (taken || !move(uid, revision, record)) return false
        put({ uid, login, hash })
        return true
      }),
    replaceHash: (uid, expected, { hash, ...record }) =>
      run('replaceHash', () => {
        const account = accounts.get(keyText(uid))
        if (account === undefined || account.hash !== expected.hash) return false
        if (!move(uid, expected.revision, record)) return false
        account.hash = hash
        return true
      }),
    changeBridge: (uid, revision, next) => run('changeBridge', () => move(uid, revision, next)),
  }
}

function byUid(a: KeyPart, b: KeyPart): number {
  if (typeof a === 'string' || typeof b === 'string')
    return String(a) < String(b) ? -1 : Number(String(a) !== String(b))
  return a < b ? -1 : Number(a !== b)
}
