import type { EntityStore } from '@twinspan/core'
import { defineEntity } from '@twinspan/core'
import type { Generated, GeneratedAlways, JSONColumnType, Kysely } from 'kysely'
import type { Client, Pool } from 'pg'
import { describe, expectTypeOf, it } from 'vitest'
import { kyselySide, type ListenClient, surviveLostConnections } from '../src/index.ts'

interface LegacyTables {
  members: { member_id: Generated<number>; mail: string; status: string | null }
}
interface TargetTables {
  users: { id: GeneratedAlways<string>; email: string; active: Generated<boolean>; tags: JSONColumnType<string[]> }
  seats: { plane: string; seat: number; holder: string | null }
  orders: { id: Generated<number>; customer: string }
  order_lines: { id: Generated<number>; order_id: number; sku: string; note: string | null }
  order_tags: { order_id: number; tag: string }
}
declare const legacyDb: Kysely<LegacyTables>
declare const targetDb: Kysely<TargetTables>
// biome-ignore lint/suspicious/noExplicitAny: an application without table types has one
declare const untypedDb: Kysely<any>

describe('kyselySide(db).table', () => {
  const members = kyselySide(legacyDb).table('members', { key: 'member_id' })
  const users = kyselySide(targetDb).table('users', { key: 'id' })

  it('returns rows as Kysely selects them', () => {
    expectTypeOf(members.load).returns.resolves.toEqualTypeOf<
      readonly { member_id: number; mail: string; status: string | null }[]
    >()
  })

  it('takes rows as Kysely inserts them, with the key, and JSON as the values that it returns', () => {
    expectTypeOf(members.save).toBeCallableWith([{ member_id: 1, mail: 'a' }])
    expectTypeOf(users.save).toBeCallableWith([{ id: '1', email: 'a', tags: ['x'] }])
    expectTypeOf(users.save).toBeCallableWith([{ id: '1', email: 'a', tags: '["x"]', active: true }])
    // @ts-expect-error the key is missing
    void users.save([{ email: 'a', tags: [] }])
    // @ts-expect-error a required column is missing
    void members.save([{ member_id: 1 }])
    // @ts-expect-error no such column
    void members.save([{ member_id: 1, mail: 'a', nmae: 'b' }])
  })

  it('knows tables and their columns', () => {
    // @ts-expect-error no such table
    kyselySide(legacyDb).table('member', { key: 'member_id' })
    // @ts-expect-error no such column
    kyselySide(legacyDb).table('members', { key: 'id' })
    // @ts-expect-error a key needs a column
    kyselySide(targetDb).table('seats', { key: [] })
    // @ts-expect-error a table needs a key
    kyselySide(targetDb).table('seats', {})
    kyselySide(targetDb).table('seats', { key: ['plane', 'seat'] })
  })

  it('is an entity store of its rows, and translations are checked against it', () => {
    expectTypeOf(members).toExtend<EntityStore<{ member_id: number; mail: string; status: string | null }, never>>()
    defineEntity({
      name: 'users',
      legacy: members,
      target: users,
      toTarget: (member) => ({
        id: String(member.member_id),
        email: member.mail,
        active: member.status === 'on',
        tags: [],
      }),
      toLegacy: (user) => ({ member_id: Number(user.id), mail: user.email }),
    })
    defineEntity({
      name: 'users',
      legacy: members,
      target: users,
      // @ts-expect-error the target requires tags
      toTarget: (member) => ({ id: String(member.member_id), email: member.mail }),
      toLegacy: (user) => ({ member_id: Number(user.id), mail: user.email }),
    })
  })

  it('works without table types', () => {
    const anything = kyselySide(untypedDb).table('anything', { key: 'whatever' })
    expectTypeOf(anything.scan).returns.resolves.toEqualTypeOf<readonly Record<string, unknown>[]>()
    expectTypeOf(anything.save).toBeCallableWith([{ whatever: 1, more: new Date() }])
    kyselySide(untypedDb).table('anything', { key: ['a', 'b'] })
  })

  it('takes the pool of pg as it is', () => {
    expectTypeOf(surviveLostConnections<Pool>).returns.toEqualTypeOf<Pool>()
  })
})

describe('listen', () => {
  it('takes a client of pg as it is', () => {
    expectTypeOf<Client>().toExtend<ListenClient>()
  })
})

describe('kyselySide(db).table with parts', () => {
  const side = kyselySide(targetDb)
  const orders = side.table('orders', {
    key: 'id',
    parts: {
      lines: { table: 'order_lines', key: 'id', parent: 'order_id' },
      tags: { table: 'order_tags', key: ['order_id', 'tag'], parent: 'order_id' },
    },
  })

  it('returns records with the rows of their parts, without the columns that say whose they are', () => {
    expectTypeOf(orders.load).returns.resolves.items.toExtend<{
      readonly id: number
      readonly customer: string
      readonly lines: readonly { id: number; sku: string; note: string | null }[]
      readonly tags: readonly { tag: string }[]
    }>()
    const line = expectTypeOf(orders.load).returns.resolves.items.toHaveProperty('lines').items
    line.not.toHaveProperty('order_id')
    // A digest of one table would say nothing of the others.
    expectTypeOf(orders.digest).toEqualTypeOf<EntityStore['digest']>()
  })

  it('takes whole records', () => {
    expectTypeOf(orders.save).toBeCallableWith([
      { id: 1, customer: 'a', lines: [{ id: 7, sku: 'x' }], tags: [{ tag: 'new' }] },
    ])
    // @ts-expect-error a part is missing
    void orders.save([{ id: 1, customer: 'a', lines: [] }])
    // @ts-expect-error the key of a part is missing
    void orders.save([{ id: 1, customer: 'a', lines: [{ sku: 'x' }], tags: [] }])
    // @ts-expect-error a required column of a part is missing
    void orders.save([{ id: 1, customer: 'a', lines: [{ id: 1 }], tags: [] }])
  })

  it('knows the tables of parts and their columns', () => {
    const lines = { table: 'order_lines', key: 'id', parent: 'order_id' } as const
    // @ts-expect-error no such table
    side.table('orders', { key: 'id', parts: { lines: { ...lines, table: 'lines' } } })
    // @ts-expect-error no such column
    side.table('orders', { key: 'id', parts: { lines: { ...lines, parent: 'order' } } })
    // @ts-expect-error a part needs to know whose its rows are
    side.table('orders', { key: 'id', parts: { lines: { table: 'order_lines', key: 'id' } } })
    // @ts-expect-error no such column
    side.watching(orders, [{ table: 'order_lines', key: 'order' }])
    expectTypeOf(side.watching(orders, [{ table: 'order_lines', key: 'order_id' }])).toExtend<
      EntityStore<{ id: number; customer: string }, never>
    >()
    const untyped = kyselySide(untypedDb).table('a', {
      key: 'id',
      parts: { b: { table: 'b', key: 'id', parent: 'a' } },
    })
    expectTypeOf(untyped.save).toBeCallableWith([{ id: 1, b: [{ id: 2, more: new Date() }] }])
  })
})
