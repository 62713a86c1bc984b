import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CredentialStore } from '../../credentials.ts'
import type { KeyPart } from '../../key.ts'
import type { MemoryAccount } from '../memory/credentials.ts'

export interface CredentialsFixture {
  readonly store: CredentialStore
  /** A second process on the same database. */
  readonly other: CredentialStore
  /** Writes an account as the application does: without the store. */
  put(account: MemoryAccount): Promise<void>
  /** Deletes an account as the application does. */
  drop(uid: KeyPart): Promise<void>
  close(): Promise<void>
}

const ANN: MemoryAccount = { uid: 7, login: 'ann@example.org', hash: 'hash-1' }
const NEXT = { hash: 'hash-2', state: 'open', fingerprint: 'print' } as const

/** What every adapter of the ports of shadow authentication must do. Logins of the accounts table must be unique. */
export function credentialStoreContract(name: string, open: () => Promise<CredentialsFixture>): void {
  describe(`CredentialStore contract: ${name}`, () => {
    let fixture: CredentialsFixture
    let store: CredentialStore
    beforeEach(async () => {
      fixture = await open()
      store = fixture.store
    })
    afterEach(() => fixture.close())

    it('finds nothing where there is nothing', async () => {
      expect(await store.find('ann@example.org')).toEqual([])
      expect(await store.findByUid(7)).toBeUndefined()
    })

    it('finds an account by its login and by its id, with a bridge nobody has touched', async () => {
      await fixture.put(ANN)
      const [found, ...rest] = await store.find('ann@example.org')
      expect(rest).toEqual([])
      expect(found).toMatchObject({ login: 'ann@example.org', hash: 'hash-1', locked: false })
      expect(String(found?.uid)).toBe('7')
      expect(found?.bridge).toEqual({ revision: 0, state: 'open', fingerprint: null })
      expect(await store.findByUid('7')).toEqual(found)
    })

    it('tells a locked account and one without a password', async () => {
      await fixture.put({ ...ANN, hash: null, locked: true })
      expect(await store.findByUid(7)).toMatchObject({ hash: null, locked: true })
    })

    it('takes a login as data', async () => {
      await fixture.put({ ...ANN, login: "o'hara\\%_\u{1F30D}" })
      expect(await store.find("o'hara\\%_\u{1F30D}")).toHaveLength(1)
      expect(await store.find("' or 1=1 --")).toEqual([])
    })

    it('closes a bridge, as often as it is asked to, and shows it to other processes', async () => {
      await fixture.put(ANN)
      await store.closeBridge(7)
      await fixture.other.closeBridge('7')
      expect(await store.find('ann@example.org')).toMatchObject([{ hash: 'hash-1', bridge: { state: 'closed' } }])
    })

    it('remembers a bridge of which the account is gone', async () => {
      await fixture.put(ANN)
      await store.closeBridge(7)
      await fixture.drop(7)
      expect(await store.findByUid(7)).toMatchObject({ login: null, hash: null, bridge: { state: 'closed' } })
      expect(await store.find('ann@example.org')).toEqual([])
    })

    it('closes one bridge from many callers at once', async () => {
      await Promise.all([store, fixture.other, store, fixture.other].map((one) => one.closeBridge(7)))
      expect(await store.findByUid(7)).toMatchObject({ bridge: { state: 'closed' } })
    })

    it('makes one fingerprint key, whoever asks first', async () => {
      const keys = await Promise.all([store, fixture.other, store].map((one) => one.fingerprintKey()))
      expect(keys[0]).toHaveLength(32)
      expect(new Set(keys.map((key) => Buffer.from(key).toString('hex'))).size).toBe(1)
    })

    it('walks through the accounts in the order of their ids', async () => {
      const uids = [3, 20, 100, 7, 1]
      for (const uid of uids) await fixture.put({ uid, login: `user ${uid}`, hash: null })
      await store.closeBridge(8)
      const seen: string[] = []
      for (let after: KeyPart | undefined; ; ) {
        const page = (await store.scan?.({ limit: 2, ...(after === undefined ? {} : { after }) })) ?? []
        seen.push(...page.map(({ uid }) => String(uid)))
        if (page.length < 2) break
        after = page.at(-1)?.uid
      }
      expect(seen).toEqual(['1', '3', '7', '20', '100'])
    })

    it('finds many accounts at once, and what is left of those that are gone', async () => {
      await fixture.put(ANN)
      await fixture.put({ uid: 8, login: 'bob@example.org', hash: null })
      await store.closeBridge(9)
      const found = (await store.findByUids?.([7, 8, 9, 10])) ?? []
      const byUid = Object.fromEntries(found.map((one) => [String(one.uid), one]))
      expect(Object.keys(byUid)).toEqual(['7', '8', '9'])
      expect(byUid['7']).toMatchObject({ login: 'ann@example.org', hash: 'hash-1' })
      expect(byUid['9']).toMatchObject({ login: null, bridge: { state: 'closed' } })
      expect(await store.findByUids?.([])).toEqual([])
    })

    it('inserts an account once', async () => {
      const account = { uid: 7, login: 'ann@example.org', ...NEXT }
      const made = await Promise.all([store, fixture.other, store].map((one) => one.insertIfAbsent(account, 0)))
      expect(made.filter(Boolean)).toHaveLength(1)
      expect(await store.findByUid(7)).toMatchObject({
        login: 'ann@example.org',
        hash: 'hash-2',
        bridge: { revision: 1, state: 'open', fingerprint: 'print' },
      })
    })

    it('inserts nothing beside an account that is there, under its id or its login', async () => {
      await fixture.put(ANN)
      expect(await store.insertIfAbsent({ uid: 7, login: 'other@example.org', ...NEXT }, 0)).toBe(false)
      expect(await store.insertIfAbsent({ uid: 8, login: 'ann@example.org', ...NEXT }, 0)).toBe(false)
      expect(await store.findByUid(7)).toMatchObject({ hash: 'hash-1', bridge: { revision: 0 } })
      expect(await store.findByUid(8)).toBeUndefined()
    })

    it('inserts nothing when the record has moved on', async () => {
      await store.changeBridge(7, 0, { state: 'stale', fingerprint: null })
      expect(await store.insertIfAbsent({ uid: 7, login: 'ann@example.org', ...NEXT }, 0)).toBe(false)
      expect(await store.find('ann@example.org')).toEqual([])
      expect(await store.insertIfAbsent({ uid: 7, login: 'ann@example.org', ...NEXT }, 1)).toBe(true)
    })

    it('replaces a hash that is still the expected one', async () => {
      await fixture.put(ANN)
      expect(await store.replaceHash(7, { hash: 'hash-1', revision: 0 }, NEXT)).toBe(true)
      expect(
        await store.replaceHash('7', { hash: 'hash-2', revision: 1 }, { ...NEXT, hash: 'hash-3', state: 'closed' }),
      ).toBe(true)
      expect(await store.findByUid(7)).toMatchObject({
        hash: 'hash-3',
        bridge: { revision: 2, state: 'closed', fingerprint: 'print' },
      })
    })

    it('replaces an absent hash', async () => {
      await fixture.put({ ...ANN, hash: null })
      expect(await store.replaceHash(7, { hash: 'hash-1', revision: 0 }, NEXT)).toBe(false)
      expect(await store.replaceHash(7, { hash: null, revision: 0 }, NEXT)).toBe(true)
      expect(await store.findByUid(7)).toMatchObject({ hash: 'hash-2' })
    })

    it('replaces nothing when the hash is another, and leaves the record alone', async () => {
      await fixture.put(ANN)
      expect(await store.replaceHash(7, { hash: 'hash-0', revision: 0 }, NEXT)).toBe(false)
      expect(await store.findByUid(7)).toMatchObject({ hash: 'hash-1', bridge: { revision: 0 } })
    })

    it('replaces nothing when the record has moved on, and leaves the hash alone', async () => {
      await fixture.put(ANN)
      await store.changeBridge(7, 0, { state: 'stale', fingerprint: null })
      expect(await store.replaceHash(7, { hash: 'hash-1', revision: 0 }, NEXT)).toBe(false)
      expect(await store.findByUid(7)).toMatchObject({ hash: 'hash-1', bridge: { revision: 1, state: 'stale' } })
    })

    it('lets one of many replace a hash', async () => {
      await fixture.put(ANN)
      const stores = [store, fixture.other, store, fixture.other]
      const won = await Promise.all(
        stores.map((one, at) => one.replaceHash(7, { hash: 'hash-1', revision: 0 }, { ...NEXT, hash: `made-${at}` })),
      )
      expect(won.filter(Boolean)).toHaveLength(1)
      expect(await store.findByUid(7)).toMatchObject({ hash: `made-${won.indexOf(true)}`, bridge: { revision: 1 } })
    })

    it('replaces nothing for an account that is gone', async () => {
      expect(await store.replaceHash(7, { hash: null, revision: 0 }, NEXT)).toBe(false)
      expect(await store.findByUid(7)).toBeUndefined()
    })

    it('changes a record by its revision alone', async () => {
      expect(await store.changeBridge(7, 0, { state: 'open', fingerprint: 'a' })).toBe(true)
      expect(await store.changeBridge(7, 0, { state: 'stale', fingerprint: 'b' })).toBe(false)
      expect(await store.changeBridge(7, 1, { state: 'stale', fingerprint: null })).toBe(true)
      expect((await store.findByUid(7))?.bridge).toEqual({ revision: 2, state: 'stale', fingerprint: null })
    })
  })
}
