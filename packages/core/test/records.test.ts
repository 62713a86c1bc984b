import {
  type BackfillRecord,
  defineEntity,
  findingSubject,
  type Json,
  type Key,
  keyFromJson,
  keyToJson,
  readBackfillRecord,
  readSweepRecord,
  scanKeys,
  TranslationError,
  translateRow,
} from '@twinspan/core'
import { createMemoryDatabase, memorySide, memoryStateStore } from '@twinspan/core/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const store = () => memoryStateStore(createMemoryDatabase(), { step: async () => {} }).bind('users')

describe('a key as JSON', () => {
  const part = fc.oneof(fc.string(), fc.maxSafeInteger(), fc.bigInt())
  const key: fc.Arbitrary<Key> = fc.oneof(part, fc.array(part, { minLength: 1, maxLength: 3 }))

  it('comes back as the same key, in the same types', () => {
    fc.assert(
      fc.property(key, (one) => {
        expect(keyFromJson(JSON.parse(JSON.stringify(keyToJson(one))))).toStrictEqual(one)
      }),
    )
    expect(keyFromJson(keyToJson(null))).toBeNull()
  })
})

describe('records', () => {
  it('are absent before the first', async () => {
    expect(await readBackfillRecord(store(), 'users')).toBeUndefined()
    expect(await readSweepRecord(store(), 'users')).toBeUndefined()
  })

  it('of a backfill come back with their key and their version', async () => {
    const bound = store()
    const record: BackfillRecord = {
      entity: 'users',
      incarnation: 'a',
      epoch: 3,
      through: ['x', 7n],
      scanned: false,
      thorough: false,
      done: false,
      rows: 10,
      inserted: 9,
      marked: 1,
      quarantined: 0,
      chunkRows: 10,
      startedAt: 1,
      updatedAt: 2,
    }
    await bound.putDocument('backfill:users', { ...record, through: keyToJson(record.through) } as unknown as Json)
    expect(await readBackfillRecord(bound, 'users')).toEqual({ record, version: 1 })
  })
})

describe('the subject of a finding', () => {
  it('is the same in every process of a migration, and tells nothing without its secret', async () => {
    const bound = store()
    const [one, other] = await Promise.all([findingSubject(bound), findingSubject(bound)])
    expect(one('users', 'a@example.org')).toBe(other('users', 'a@example.org'))
    expect(one('users', 'a@example.org')).toMatch(/^[0-9a-f]{32}$/)
    expect((await findingSubject(store()))('users', 'a')).not.toBe(one('users', 'a'))
  })

  it('tells entities and keys apart', async () => {
    const subject = await findingSubject(store(), 'secret')
    expect(new Set([subject('a', 'b'), subject('b', 'a'), subject('a', 'bb')]).size).toBe(3)
  })
})

describe('translateRow', () => {
  const entity = (toTarget: (row: { id: number }) => unknown) =>
    defineEntity<{ id: number }, unknown, unknown, unknown>({
      name: 'users',
      legacy: memorySide(createMemoryDatabase()).table<{ id: number }>('users', { key: 'id' }) as never,
      target: memorySide(createMemoryDatabase()).table<{ id: number }>('users', { key: 'id' }) as never,
      toTarget,
      toLegacy: (row) => row,
    })

  it('gives what the translation gives, and null for no row', () => {
    expect(
      translateRow(
        entity((row) => ({ ...row, a: 1 })),
        'legacy',
        { id: 7 },
      ),
    ).toEqual({ id: 7, a: 1 })
    expect(
      translateRow(
        entity(() => null),
        'legacy',
        { id: 7 },
      ),
    ).toBeNull()
    expect(
      translateRow(
        entity(({ id }) => ({ id: String(id) })),
        'legacy',
        { id: 7 },
      ),
    ).toEqual({ id: '7' })
  })

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('secret@example.org')
      },
    ],
    ['gives another key', () => ({ id: 8 })],
    ['gives a row without a key', () => ({})],
    ['gives nothing', () => undefined],
    ['gives a promise', async () => ({ id: 7 })],
  ])('throws a TranslationError without values when the translation %s', (_, toTarget) => {
    const translate = (): unknown => translateRow(entity(toTarget), 'legacy', { id: 7 })
    expect(translate).toThrow(TranslationError)
    expect(translate).not.toThrow('secret')
  })
})

describe('scanKeys', () => {
  it('derives the keys from the rows of a store that has no scan for them', async () => {
    const table = memorySide(createMemoryDatabase()).table<{ id: number }>('users', { key: 'id' })
    await table.save([{ id: 2 }, { id: 10 }, { id: 1 }])
    const { key, load, scan, save, remove } = table
    for (const legacy of [table, { key: key!, load, scan, save, remove }]) {
      const users = defineEntity({
        name: 'users',
        legacy,
        target: table,
        toTarget: (row) => row,
        toLegacy: (row) => row,
      })
      expect(await scanKeys(users, 'legacy', { after: 1, limit: 5 })).toEqual([2, 10])
    }
  })
})
