import {
  type BridgeRecord,
  type Credential,
  type EventOf,
  type ExpectedHash,
  type KeyPart,
  keyText,
  type LegacyCredentials,
  type NewCredential,
  type NextHash,
  redact,
  type SideName,
  type TargetCredentials,
  within,
} from '@twinspan/core'
import { createFingerprints } from './fingerprint.ts'
import type { Seen } from './situation.ts'

export type Finding = Omit<EventOf<'auth-finding'>, 'type'>

/** What became of a compare-and-swap. `failed` includes that nobody knows. */
export type Written = 'done' | 'lost' | 'failed'

/**
 * Both stores, as the rest of the package sees them: nothing here throws or takes longer than the timeout. What a driver
 * said goes into a finding, redacted, and no further.
 */
export interface Stores {
  seeTarget(login: string): Promise<Seen>
  seeTargetByUid(uid: KeyPart): Promise<Seen>
  seeLegacy(login: string): Promise<Seen>
  seeLegacyByUid(uid: KeyPart): Promise<Seen>
  /** A page of legacy's users; `undefined` when it does not answer or cannot be walked through. */
  scanLegacy(page: { readonly after?: KeyPart; readonly limit: number }): Promise<readonly Credential[] | undefined>
  /** What the target knows of these users; `undefined` when it does not answer. */
  seeTargets(uids: readonly KeyPart[]): Promise<readonly Credential[] | undefined>
  /** Whether the legacy hash is the one that the target's account was made from. */
  isSame(target: Credential, uid: KeyPart, legacyHash: string): Promise<boolean | 'unknown'>
  isWeaker(hash: string): boolean
  fingerprint(uid: KeyPart, legacyHash: string): Promise<string | undefined>
  /** Says in legacy that its hash may not be trusted without the target. `false`: it is not known to be written. */
  mark(uid: KeyPart): Promise<boolean>
  insertIfAbsent(account: NewCredential, revision: number): Promise<Written>
  replaceHash(uid: KeyPart, expected: ExpectedHash, next: NextHash): Promise<Written>
  changeBridge(uid: KeyPart, revision: number, next: BridgeRecord): Promise<Written>
  report(finding: Finding): void
}

export interface StoresOptions {
  readonly target: TargetCredentials
  readonly legacy: LegacyCredentials | undefined
  readonly fingerprintKey: string | Uint8Array | undefined
  readonly timeoutMs: number
  isWeaker(hash: string): boolean
  report(finding: Finding): void
}

export function createStores({ target, legacy, timeoutMs, report, ...options }: StoresOptions): Stores {
  const fingerprints = createFingerprints(legacy, options.fingerprintKey)

  const ask = async <T>(side: SideName, work: () => Promise<T>): Promise<{ readonly value: T } | undefined> => {
    try {
      return { value: await within(timeoutMs, `The ${side} credential store`, work) }
    } catch (error) {
      report({ finding: 'unreachable', side, error: redact(error) })
      return undefined
    }
  }
  const see = async (side: SideName, find: () => Promise<readonly Credential[]>): Promise<Seen> => {
    const answer = await ask(side, async () => {
      const found = await find()
      // An id that is no key (null, a fraction) could be neither compared nor written.
      for (const credential of found) keyText(credential.uid)
      return found
    })
    if (answer === undefined) return { kind: 'down' }
    const [credential, ...others] = answer.value
    if (credential === undefined) return { kind: 'none' }
    if (others.length === 0) return { kind: 'one', credential }
    report({ finding: 'duplicate-login', side })
    return { kind: 'many' }
  }
  const seeOne = (side: SideName, find: () => Promise<Credential | undefined>): Promise<Seen> =>
    see(side, async () => {
      const credential = await find()
      return credential === undefined ? [] : [credential]
    })
  const write = async (work: () => Promise<boolean>): Promise<Written> => {
    const answer = await ask('target', work)
    if (answer === undefined) return 'failed'
    return answer.value ? 'done' : 'lost'
  }
  const fingerprint: Stores['fingerprint'] = async (uid, hash) =>
    (await ask('legacy', () => fingerprints.of(uid, hash)))?.value

  return {
    seeTarget: (login) => see('target', () => target.find(login)),
    seeTargetByUid: (uid) => seeOne('target', () => target.findByUid(uid)),
    seeLegacy: (login) => (legacy === undefined ? none() : see('legacy', () => legacy.find(login))),
    seeLegacyByUid: (uid) => (legacy === undefined ? none() : seeOne('legacy', () => legacy.findByUid(uid))),
    scanLegacy: async (page) => (await ask('legacy', async () => legacy?.scan?.(page)))?.value,
    seeTargets: async (uids) => (await ask('target', async () => target.findByUids?.(uids)))?.value,
    async isSame({ hash, bridge }, uid, legacyHash) {
      if (bridge.revision === 0) return hash === legacyHash
      const now = await fingerprint(uid, legacyHash)
      return now === undefined ? 'unknown' : now === bridge.fingerprint
    },
    isWeaker: options.isWeaker,
    fingerprint,
    mark: async (uid) => legacy === undefined || (await ask('legacy', () => legacy.closeBridge(uid))) !== undefined,
    insertIfAbsent: (account, revision) => write(() => target.insertIfAbsent(account, revision)),
    replaceHash: (uid, expected, next) => write(() => target.replaceHash(uid, expected, next)),
    changeBridge: (uid, revision, next) => write(() => target.changeBridge(uid, revision, next)),
    report,
  }
}

async function none(): Promise<Seen> {
  return { kind: 'none' }
}
