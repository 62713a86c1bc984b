import { describe, expect, it } from 'vitest'
import {
  createMigration,
  defineEntity,
  type EntityStore,
  type MigrationOptions,
  opaqueSide,
  type Side,
} from '../src/index.ts'
import { OPEN } from '../src/testing/contracts/side.ts'
import { createMemoryDatabase, memorySide } from '../src/testing/index.ts'

interface Row {
  readonly id: number
}

/** Four functions over a map, as somebody would write them around an API. */
function store(): EntityStore<Row> {
  const rows = new Map<number, Row>()
  return {
    load: async (keys) => keys.flatMap((key) => rows.get(Number(key)) ?? []),
    scan: async ({ limit }) => [...rows.values()].slice(0, limit),
    async save(saved) {
      for (const row of saved) rows.set(row.id, row)
    },
    async remove(keys) {
      for (const key of keys) rows.delete(Number(key))
    },
  }
}

const memory = () => memorySide(createMemoryDatabase())

function migrationOf(options: Partial<MigrationOptions> = {}) {
  const entity = defineEntity({
    name: 'rows',
    legacy: store(),
    target: store(),
    toTarget: (row: Row) => row,
    toLegacy: (row: Row) => row,
  })
  const legacy = opaqueSide({ journal: memory(), guard: 'version' })
  const target = opaqueSide({ journal: memory(), guard: 'none' })
  return createMigration({ name: 'opaque', legacy, target, entities: [entity], ...options })
}

describe('opaqueSide', () => {
  it('refuses options that cannot be meant', () => {
    expect(() => opaqueSide({ journal: {} as Side, guard: 'none' })).toThrow(/journal.*kyselySide/)
    expect(() => opaqueSide({ journal: opaqueSide({ journal: memory(), guard: 'none' }), guard: 'none' })).toThrow(
      /journal/,
    )
    expect(() => opaqueSide({ journal: memory(), guard: 'clock' as 'none' })).toThrow(/guard.*'version' or 'none'/)
  })

  it('is captured by intent, and refuses triggers and transactions when the migration is made', () => {
    expect(migrationOf().capture).toEqual({ legacy: 'intent', target: 'intent' })
    expect(migrationOf({ capture: { legacy: 'intent' }, target: memory() }).capture).toEqual({
      legacy: 'intent',
      target: 'trigger',
    })
    expect(() => migrationOf({ capture: 'trigger' })).toThrow(/capture takes 'intent' for an opaque side/)
    expect(() => migrationOf({ capture: { target: 'transaction' } })).toThrow(/capture\.target takes 'intent'/)
  })

  it('keeps its journal in the given database, and a state store too', async () => {
    const migration = migrationOf()
    await migration.start()
    for (const to of ['capture', 'dual-write', 'capture', 'off'] as const)
      await migration.advance({ to, actor: 'ops', reason: 'test' })
    await migration.stop()
  })

  it('hands its stores a version and a signal, and no transaction', async () => {
    const bound = opaqueSide({ journal: memory(), guard: 'version' }).bind({ migration: 'opaque', side: 'target' })
    await bound.fence.change(0, OPEN)
    const given = await bound.copy({ stripes: [1], epoch: OPEN.epoch }, async (copy) => {
      expect(copy.signal?.aborted).toBe(false)
      return copy
    })
    expect(given).toMatchObject({ transaction: undefined, stripes: [1], version: expect.any(BigInt) })
    expect(given.signal?.aborted).toBe(true)
    expect(given.attempt).toBeUndefined()
  })

  it('says what it cannot do', async () => {
    const bound = opaqueSide({ journal: memory(), guard: 'none' }).bind({ migration: 'opaque', side: 'legacy' })
    await expect(bound.freeze.install([])).rejects.toThrow(/cannot be made to refuse writes.*read-only/)
    await expect(bound.capture.install([])).rejects.toMatchObject({ code: 'TWINSPAN_OPAQUE_SIDE' })
    await expect(bound.captureWrite({ entity: 'rows', keys: () => [] }, async () => {})).rejects.toThrow(/intent/)
    await bound.freeze.uninstall([])
    await bound.capture.uninstall([])
    expect(await bound.freeze.denied()).toBeNull()
    const migration = migrationOf()
    const names = (await migration.doctor()).map(({ side, name, severity }) => `${side} ${name} ${severity}`)
    expect(names).toEqual(['legacy not-frozen warn', 'target unguarded warn'])
  })
})

describe('capture', () => {
  it.each([
    ['clock', /capture takes 'trigger', 'transaction' or 'intent'/],
    [null, /capture takes/],
    [['intent'], /capture takes/],
    [{ legacy: 'clock' }, /capture\.legacy takes/],
    [{ primary: 'intent' }, /capture takes.*"primary"/],
  ])('refuses %j', (capture, message) => {
    const sides = { legacy: memory(), target: memory() }
    expect(() => migrationOf({ ...sides, capture: capture as 'trigger' })).toThrow(message)
  })

  it('by intent wants a side that can record calls', () => {
    const bare: Side = {
      engine: 'memory',
      bind(scope) {
        const { intents: _, ...bound } = memory().bind(scope)
        return bound
      },
    }
    expect(() => migrationOf({ legacy: bare, target: memory(), capture: 'intent' })).toThrow(
      /the memory side legacy supports/,
    )
  })

  it.each([
    [{ holdMs: 1 }, 'intents.holdMs'],
    [{ quarantineMs: -1 }, 'intents.quarantineMs'],
  ])('by intent refuses %j', (intents, option) => {
    expect(() => migrationOf({ intents })).toThrow(option)
  })
})
