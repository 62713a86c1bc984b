import type { KeyPart } from './key.ts'

/**
 * What is known of one user's bridge: whether the legacy password may still decide.
 *
 * In the target `open` says that legacy decides when its hash has changed since the upgrade, `stale` that legacy decides
 * until the next upgrade, `closed` that legacy is never asked again. In legacy `closed` says that its hash may not be
 * trusted without asking the target.
 */
export type BridgeState = 'open' | 'stale' | 'closed'

export interface BridgeRecord {
  readonly state: BridgeState
  /** A keyed digest of the legacy hash that the upgrade verified; `null` when there was none. */
  readonly fingerprint: string | null
}

export interface Bridge extends BridgeRecord {
  /** Counts the changes of the record, `0` when there is none. The token of the compare-and-swap. */
  readonly revision: number
}

/** One user's way to log in, as a store has it. */
export interface Credential {
  /** The user's id. Both stores use the same, by `keyText`. */
  readonly uid: KeyPart
  /** `null` when the account is gone and only the bridge's record is left. */
  readonly login: string | null
  /** `null` when the account has no password. */
  readonly hash: string | null
  /** Whether the application has locked the account. */
  readonly locked: boolean
  /** What belongs to the hash and is kept in columns of its own: `{ salt }`, `{ username }`. */
  readonly params?: Readonly<Record<string, string | Uint8Array>>
  readonly bridge: Bridge
}

export interface CredentialLookup {
  /** The accounts that a login means. More than one when the store compares without case. */
  find(login: string): Promise<readonly Credential[]>
  /** The account or, where it is gone, what its bridge's record says. `undefined` when there is neither. */
  findByUid(uid: KeyPart): Promise<Credential | undefined>
  /**
   * Accounts in the order of their ids, those after one of them: how jobs walk through all. What is left of a bridge
   * whose account is gone is not among them.
   */
  scan?(page: { readonly after?: KeyPart; readonly limit: number }): Promise<readonly Credential[]>
  /** What `findByUid` says of each; those that there is nothing of are left out. */
  findByUids?(uids: readonly KeyPart[]): Promise<readonly Credential[]>
}

/** What shadow authentication asks of the legacy store. Accounts are only read; what is written goes into a table of ours. */
export interface LegacyCredentials extends CredentialLookup {
  /** Marks the bridge as closed, whatever it was. Works while the accounts are frozen. */
  closeBridge(uid: KeyPart): Promise<void>
  /** 32 random bytes, made at the first call by any process and kept in this database. */
  fingerprintKey(): Promise<Uint8Array>
}

/** What shadow authentication asks of the target store. Every write is a compare-and-swap that tells whether it was made. */
export interface TargetCredentials extends CredentialLookup {
  /** Adds an account and the record of its bridge, when there is no such account and the record is at `revision`. */
  insertIfAbsent(account: NewCredential, revision: number): Promise<boolean>
  /** Replaces the hash and the bridge's record, when both are still the expected ones. */
  replaceHash(uid: KeyPart, expected: ExpectedHash, next: NextHash): Promise<boolean>
  /** Replaces the bridge's record, when it is still at `revision`. */
  changeBridge(uid: KeyPart, revision: number, next: BridgeRecord): Promise<boolean>
}

export interface CredentialStore extends LegacyCredentials, TargetCredentials {}

export interface NewCredential extends NextHash {
  readonly uid: KeyPart
  readonly login: string
}

export interface ExpectedHash {
  readonly hash: string | null
  readonly revision: number
}

export interface NextHash extends BridgeRecord {
  readonly hash: string
}
