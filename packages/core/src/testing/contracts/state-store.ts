import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AuditEntry, Lease, MigrationState, MigrationStore, StateStore } from '../../state-store.ts'

export interface StateStoreFixture {
  readonly store: StateStore
  close(): Promise<void>
}

const state = (epoch: number): MigrationState => ({ incarnation: 'i.1', phase: 'capture', epoch, definition: 'd' })
const entry = (epoch: number, reason: string = 'because'): AuditEntry => ({
  at: 1_700_000_000_000 + epoch,
  epoch,
  action: 'phase',
  from: 'off',
  to: 'capture',
  actor: 'ops',
  reason,
})
const lease = (instance: string, epoch: number = 1): Lease => ({
  instance,
  epoch,
  phase: 'off',
  host: 'h',
  pid: 1,
  version: '1.0',
})

/** What every adapter of the port `StateStore` must do. */
export function stateStoreContract(name: string, open: () => Promise<StateStoreFixture>): void {
  describe(`StateStore contract: ${name}`, () => {
    let fixture: StateStoreFixture
    let store: MigrationStore
    beforeEach(async () => {
      fixture = await open()
      store = fixture.store.bind('contract')
      await Promise.all([store.prepare(), store.prepare()])
    })
    afterEach(() => fixture.close())

    it('has no state at first and records only what is newer', async () => {
      expect(await store.readState()).toBeUndefined()
      expect(await store.recordState(state(2), [entry(1), entry(2)])).toBe(true)
      expect(await store.recordState(state(2), [entry(2, 'again')])).toBe(false)
      expect(await store.recordState(state(1), [])).toBe(false)
      expect(await store.readState()).toEqual(state(2))
      expect(await store.recordState(state(4), [entry(2, 'again'), entry(3), entry(4)])).toBe(true)
      expect((await store.readAudit()).map((one) => `${one.epoch} ${one.reason}`)).toEqual([
        '4 because',
        '3 because',
        '2 because',
        '1 because',
      ])
    })

    it('appends audit entries with their evidence, newest first, up to the limit', async () => {
      await store.appendAudit({ ...entry(1), action: 'rollout', evidence: { ratio: 2.5, list: ['a', null] } })
      await store.appendAudit({ ...entry(1), action: 'rollout', reason: 'second' })
      expect(await store.readAudit({ limit: 1 })).toEqual([{ ...entry(1), action: 'rollout', reason: 'second' }])
      expect((await store.readAudit())[1]?.evidence).toEqual({ ratio: 2.5, list: ['a', null] })
    })

    it('lists the leases that live, in their newest form, and none that ended or ran out', async () => {
      await store.heartbeat(lease('a'), 60_000)
      await store.heartbeat(lease('a', 2), 60_000)
      await store.heartbeat(lease('b'), 60_000)
      await store.heartbeat(lease('c'), -1)
      await store.endLease('b')
      expect(await store.leases()).toEqual([lease('a', 2)])
    })

    it('writes a document only over the version that was expected', async () => {
      expect(await store.getDocument('x')).toBeUndefined()
      expect(await store.putDocument('x', { a: 1 }, { expected: 0 })).toBe(true)
      expect(await store.putDocument('x', { a: 2 }, { expected: 0 })).toBe(false)
      expect(await store.putDocument('x', { a: 3 }, { expected: 1, audit: entry(1) })).toBe(true)
      expect(await store.getDocument('x')).toEqual({ value: { a: 3 }, version: 2 })
      expect(await store.putDocument('x', null)).toBe(true)
      expect(await store.getDocument('x')).toEqual({ value: null, version: 3 })
      expect(await store.readAudit()).toHaveLength(1)
    })

    it('writes no audit entry for a document that was not written', async () => {
      expect(await store.putDocument('x', 1, { expected: 5, audit: entry(1) })).toBe(false)
      expect(await store.readAudit()).toEqual([])
    })

    it('lets one of several writers of a version win', async () => {
      await store.putDocument('x', 0)
      const wins = await Promise.all([1, 2, 3, 4].map((value) => store.putDocument('x', value, { expected: 1 })))
      expect(wins.filter(Boolean)).toHaveLength(1)
      expect((await store.getDocument('x'))?.version).toBe(2)
    })

    it('lists documents by prefix, without taking _ or % for wildcards', async () => {
      for (const document of ['a_1', 'a_2', 'ab1', 'b']) await store.putDocument(document, document)
      expect([...(await store.listDocuments('a_')).keys()].sort()).toEqual(['a_1', 'a_2'])
    })

    it('removes documents by name and begins again at the first version', async () => {
      for (const document of ['a', 'b', 'c']) await store.putDocument(document, document)
      await store.removeDocuments(['a', 'c', 'absent'])
      await store.removeDocuments([])
      expect([...(await store.listDocuments('')).keys()]).toEqual(['b'])
      expect(await store.putDocument('a', 1, { expected: 0 })).toBe(true)
      expect((await store.getDocument('a'))?.version).toBe(1)
    })

    it('takes a hint for a write like any other where nobody follows', async () => {
      expect(await store.putDocument('x', 1, { expected: 0, hint: true })).toBe(true)
      expect(await store.putDocument('x', 2, { expected: 0, hint: true })).toBe(false)
      expect(await store.getDocument('x')).toEqual({ value: 1, version: 1 })
    })

    it('gives a claim to one owner at a time, with a larger token each time', async () => {
      const first = await store.claim('job', 'a', 60_000)
      expect(await store.claim('job', 'b', 60_000)).toBeUndefined()
      expect(await store.claim('job', 'a', 60_000)).toEqual(first)
      await store.releaseClaim('job', 'b')
      expect(await store.claim('job', 'b', 60_000)).toBeUndefined()
      await store.releaseClaim('job', 'a')
      const second = await store.claim('job', 'b', 60_000)
      expect(second!.token).toBeGreaterThan(first!.token)
    })

    it('gives a claim that ran out to somebody else', async () => {
      const first = await store.claim('job', 'a', -1)
      const second = await store.claim('job', 'b', 60_000)
      expect(second!.token).toBeGreaterThan(first!.token)
    })

    it('keeps one finding per kind, entity and subject, and clears them by any of those', async () => {
      const finding = { kind: 'reconcile', entity: 'users', subject: 's1', detail: { fields: ['mail'] } }
      await store.saveFindings([finding, { ...finding, subject: 's2' }, { ...finding, kind: 'shadow' }])
      await store.saveFindings([{ ...finding, detail: { fields: ['name'] } }])
      expect(await store.findings({ kind: 'reconcile', entity: 'users' })).toHaveLength(2)
      expect((await store.findings({ kind: 'reconcile' })).find((one) => one.subject === 's1')).toMatchObject({
        detail: { fields: ['name'] },
        at: expect.any(Number),
      })
      expect(await store.clearFindings({ kind: 'reconcile', subjects: ['s1'] })).toBe(1)
      expect(await store.clearFindings({ kind: 'reconcile' })).toBe(1)
      expect(await store.findings()).toHaveLength(1)
    })

    it('keeps migrations apart', async () => {
      const other = fixture.store.bind('another')
      await store.putDocument('x', 1)
      await store.recordState(state(1), [])
      await store.heartbeat(lease('a'), 60_000)
      expect(await other.getDocument('x')).toBeUndefined()
      expect(await other.readState()).toBeUndefined()
      expect(await other.leases()).toEqual([])
    })
  })
}
