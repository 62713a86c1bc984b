import { describe, expect, it } from 'vitest'
import {
  createMigration,
  type DoctorFinding,
  defineEntity,
  type Migration,
  type MigrationOptions,
  MissingPrimaryKeyError,
  PHASES,
  phasesThatCapture,
  phasesThatWrite,
  type Side,
  type SideFinding,
  type SideName,
} from '../src/index.ts'
import { createMemoryDatabase, memorySide } from '../src/testing/index.ts'

const who = { actor: 'ops', reason: 'test' }
const REPLICA: SideFinding = { name: 'replica', severity: 'refuse', detail: 'it is a replica', refuses: ['dual-write'] }
const UNSAFE: SideFinding = { name: 'fsync', severity: 'warn', detail: 'fsync is off' }

interface Ailing {
  readonly migration: Migration
  /** What each side says when it is examined; a function may fail or hang. */
  says: Partial<Record<SideName, () => Promise<readonly SideFinding[]>>>
  readonly triggers: Map<string, unknown>
  /** Whether legacy's table has lost its key. */
  broken: Error | undefined
}

async function started(options: Partial<MigrationOptions> = {}): Promise<Ailing> {
  const database = { legacy: createMemoryDatabase(), target: createMemoryDatabase() }
  const says: Ailing['says'] = {}
  const examined = (side: SideName, inner: Side): Side => ({
    ...inner,
    bind: (scope) => ({ ...inner.bind(scope), examine: async () => (await says[side]?.()) ?? [] }),
  })
  const legacy = memorySide(database.legacy)
  const target = memorySide(database.target)
  const members = legacy.table<{ id: number }>('members', { key: 'id' })
  const ailing: Ailing = {
    says,
    triggers: database.legacy.triggers,
    broken: undefined,
    migration: createMigration({
      name: 'm',
      legacy: examined('legacy', legacy),
      target: examined('target', target),
      entities: [
        defineEntity({
          name: 'users',
          legacy: {
            ...members,
            check: async () => {
              if (ailing.broken !== undefined) throw ailing.broken
            },
          },
          target: target.table<{ id: number }>('users', { key: 'id' }),
          toTarget: (row) => row,
          toLegacy: (row) => row,
        }),
      ],
      timeoutMs: 50,
      ...options,
    }),
  }
  await ailing.migration.start()
  return ailing
}

describe('the doctor', () => {
  it('finds nothing where nothing is wrong', async () => {
    const { migration } = await started()
    expect(await migration.doctor()).toEqual([])
    await migration.stop()
  })

  it('tells what each side says of itself, and refuses the phase that a finding makes unsafe, by its name', async () => {
    const { migration, says } = await started()
    says.legacy = async () => [UNSAFE]
    says.target = async () => [REPLICA]
    expect(await migration.doctor()).toEqual([
      { side: 'legacy', ...UNSAFE },
      { side: 'target', ...REPLICA },
    ])
    await migration.advance({ to: 'capture', ...who })
    await expect(migration.advance({ to: 'dual-write', ...who })).rejects.toMatchObject({
      code: 'TWINSPAN_PHASE_REFUSED',
      message: expect.stringContaining('replica on target: it is a replica'),
    })
    expect(migration.snapshot.phase).toBe('capture')
    await migration.stop()
  })

  it('lets a risk pass that was accepted, and writes it into the reason', async () => {
    const { migration, says } = await started({ acceptRisks: ['replica'] })
    says.target = async () => [REPLICA, UNSAFE]
    await migration.advance({ to: 'capture', ...who })
    await migration.advance({ to: 'dual-write', ...who })
    const reasons = (await migration.store.readAudit()).map(({ reason }) => reason)
    expect(reasons).toEqual(['test (risks accepted: replica on target)', 'test'])
    await migration.stop()
  })

  it('never stands in the way back', async () => {
    const { migration, says } = await started()
    await migration.advance({ to: 'capture', ...who })
    await migration.advance({ to: 'dual-write', ...who })
    says.legacy = async () => [{ name: 'read-only', severity: 'refuse', detail: 'it is read-only' }]
    await expect(migration.advance({ to: 'shadow', ...who })).rejects.toThrow('read-only on legacy')
    expect(await migration.advance({ to: 'capture', ...who })).toMatchObject({ phase: 'capture' })
    await migration.stop()
  })

  it('takes a side that hangs or fails for one that could not be examined, and goes on', async () => {
    const { migration, says } = await started()
    says.legacy = () => new Promise(() => {})
    says.target = async () => {
      throw Object.assign(new Error('member a@b.c'), { code: '42501' })
    }
    expect(await migration.doctor()).toEqual([
      { side: 'legacy', name: 'not-examined', severity: 'warn', detail: expect.stringContaining('50 ms') },
      { side: 'target', name: 'not-examined', severity: 'warn', detail: 'it could not be examined (Error (42501))' },
    ])
    expect(await migration.advance({ to: 'capture', ...who })).toMatchObject({ phase: 'capture' })
    await migration.stop()
  })

  it('misses triggers that somebody removed while they were needed', async () => {
    const { migration, triggers } = await started()
    triggers.clear()
    expect(await migration.doctor()).toEqual([])
    await migration.advance({ to: 'capture', ...who })
    triggers.clear()
    expect(await migration.doctor()).toMatchObject([{ side: 'legacy', name: 'capture-triggers', severity: 'refuse' }])
    await expect(migration.advance({ to: 'dual-write', ...who })).rejects.toThrow('capture-triggers on legacy')
    await migration.stop()
  })

  it('misses a key that somebody dropped, and says no more of the driver than its code', async () => {
    const ailing = await started()

    ailing.broken = new MissingPrimaryKeyError('members', ['id'])
    expect(await ailing.migration.doctor()).toMatchObject([{ side: 'legacy', name: 'tables', severity: 'refuse' }])
    await expect(ailing.migration.advance({ to: 'capture', ...who })).rejects.toThrow('tables on legacy')
    await ailing.migration.stop()
  })

  it('looks once after the start, without holding it up', async () => {
    const release: (() => void)[] = []
    const hangs = (side: Side): Side => ({
      ...side,
      bind: (scope) => ({
        ...side.bind(scope),
        examine: () => new Promise((resolve) => release.push(() => resolve([UNSAFE]))),
      }),
    })
    const legacy = memorySide(createMemoryDatabase())
    const target = memorySide(createMemoryDatabase())
    const migration = createMigration({
      name: 'm',
      legacy: hangs(legacy),
      target: hangs(target),
      entities: [
        defineEntity({
          name: 'users',
          legacy: legacy.table<{ id: number }>('members', { key: 'id' }),
          target: target.table<{ id: number }>('users', { key: 'id' }),
          toTarget: (row) => row,
          toLegacy: (row) => row,
        }),
      ],
    })
    const seen = new Promise<readonly DoctorFinding[]>((resolve) => {
      migration.events.on('doctor', ({ findings }) => resolve(findings))
    })
    await migration.start()
    while (release.length < 2) await new Promise((resolve) => setImmediate(resolve))
    for (const free of release) free()
    expect(await seen).toEqual([
      { side: 'legacy', ...UNSAFE },
      { side: 'target', ...UNSAFE },
    ])
    await migration.stop()
  })

  it('refuses names of risks that are none', () => {
    const side = memorySide(createMemoryDatabase())
    const table = side.table<{ id: number }>('members', { key: 'id' })
    const users = defineEntity({ name: 'u', legacy: table, target: table, toTarget: (r) => r, toLegacy: (r) => r })
    const options = { name: 'm', legacy: side, target: side, entities: [users] }
    expect(() => createMigration({ ...options, acceptRisks: [''] })).toThrow('Option acceptRisks takes')
    expect(() => createMigration({ ...options, acceptRisks: 'fsync' as never })).toThrow('Option acceptRisks takes')
  })
})

describe('the phases in which a side', () => {
  it('is written to, and captured, follow from the table of phases', () => {
    expect(phasesThatWrite('legacy')).toEqual(PHASES.slice(1, 6))
    expect(phasesThatWrite('target')).toEqual(PHASES.slice(2))
    expect(phasesThatCapture('legacy')).toEqual(PHASES.slice(1, 5))
    expect(phasesThatCapture('target')).toEqual(['target-primary'])
  })
})
