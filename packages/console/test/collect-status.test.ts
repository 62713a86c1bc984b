import { walkTo } from '@twinspan/core/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { collectStatus, createRecorder } from '../src/index.ts'
import { createWorld, type World } from './world.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world.end())

describe('a status', () => {
  it('tells where the migration is, and who takes part', async () => {
    await walkTo(world.migration, 'shadow')
    const status = await collectStatus(world.migration)
    expect(status.position).toMatchObject({ ok: true, value: { phase: 'shadow', primary: 'legacy' } })
    expect(status.processes).toMatchObject({ ok: true, value: [{ instance: world.migration.instance }] })
    expect(status.audit).toMatchObject({ ok: true, value: [{ action: 'phase', to: 'shadow', actor: 'test' }, {}, {}] })
    expect(status.sides.legacy.journal).toMatchObject({ ok: true, value: { depth: 0 } })
    expect(status.sides.legacy.fence).toMatchObject({ ok: true, value: { phase: 'shadow', open: true } })
  })

  it('says of a target that hangs that it does not answer, and goes on with the rest', async () => {
    world.break('target', () => new Promise(() => {}))
    const begun = performance.now()
    const status = await collectStatus(world.migration, { timeoutMs: 100 })
    expect(performance.now() - begun).toBeLessThan(1_000)
    expect(status.sides.target.journal).toMatchObject({ ok: false, why: 'does not answer' })
    expect(status.sides.legacy.journal).toMatchObject({ ok: true })
    expect(status.processes).toMatchObject({ ok: true })
  })

  it('says of a store that fails that it failed, without what the driver said', async () => {
    world.break('store', async () => {
      throw new Error('password authentication failed for user "ann"')
    })
    const status = await collectStatus(world.migration)
    expect(status.audit).toEqual({ ok: false, why: 'failed', error: 'Error' })
    expect(JSON.stringify(status)).not.toContain('password')
    expect(status.sides.target.journal).toMatchObject({ ok: true })
  })

  it('groups findings by field, and holds no value and no long text', async () => {
    const long = 'x'.repeat(1_000_000)
    const fields = [{ name: 'email', reason: 'value', expected: 'ann@example.com' }]
    await world.migration.store.saveFindings([
      {
        kind: 'reconcile',
        entity: 'things',
        subject: 'a',
        detail: { reason: 'value', fields, values: { email: 'ann@' } },
      },
      { kind: 'reconcile', entity: 'things', subject: 'b', detail: { reason: 'value', fields } },
      { kind: 'reconcile', entity: 'things', subject: 'c', detail: { reason: long } },
    ])
    await world.migration.store.putDocument('sweep:things', null)
    const status = await collectStatus(world.migration)
    expect(status.findings).toMatchObject({
      ok: true,
      value: {
        looked: 3,
        groups: [
          { field: 'email', reason: 'value', count: 2 },
          { field: null, count: 1 },
        ],
      },
    })
    expect(JSON.stringify(status)).not.toContain('ann@')
    expect(JSON.stringify(status).length).toBeLessThan(20_000)
  })

  it('tells of a kill and of what the guards have counted', async () => {
    const { migration } = world
    await walkTo(migration, 'canary')
    const { epoch, incarnation } = migration.snapshot
    const killed = { at: 5, actor: 'guard', reason: 'errors', evidence: { log10: 6.1 } }
    const scope = { unit: 'user', salt: '', hash: 'murmur3' }
    const lists = { allow: [], deny: ['a'], tenants: {}, begun: 1 }
    await migration.store.putDocument('rollout', {
      ...{ percent: '5', since: 1, phase: 'canary', epoch, incarnation, killed, scope },
      ...lists,
    })
    const side = (bad: number) => ({ total: 100, bad })
    const sums = { errors: { legacy: side(1), target: side(9) }, integrity: { compared: 50, mismatched: 2 } }
    await migration.store.putDocument('guard:one', { sums, bad: [] })
    await migration.store.putDocument('guard:two', { sums, bad: [] })
    const { rollout, counted } = await collectStatus(migration)
    expect(rollout).toMatchObject({
      ok: true,
      value: {
        percent: '5',
        stands: true,
        denied: 1,
        killed: { reason: 'errors', evidence: { log10: 6.1 } },
      },
    })
    expect(counted).toMatchObject({
      ok: true,
      value: { processes: 2, legacy: { total: 200, bad: 2 }, target: { bad: 18 }, compared: { total: 100, bad: 4 } },
    })
  })

  it('tells how far a backfill is, and when it will be done', async () => {
    const { migration } = world
    const record = {
      entity: 'things',
      incarnation: migration.snapshot.incarnation,
      epoch: 1,
      through: 5,
      scanned: false,
    }
    const counts = {
      rows: 500,
      inserted: 400,
      marked: 0,
      quarantined: 1,
      chunkRows: 100,
      startedAt: 0,
      updatedAt: 10_000,
    }
    await migration.store.putDocument('backfill:things', { ...record, ...counts, thorough: false, done: false })
    const held = { by: 'pool-wait', value: 140, limit: 100, why: null, forMs: 3_000 }
    const note = { ...held, incarnation: migration.snapshot.incarnation, at: migration.now() }
    await migration.store.putDocument('backfill-throttle:things', note)
    const recorder = createRecorder(migration)
    migration.events.emit({ type: 'backfill', entity: 'things', rows: 500, totalRows: 1_000, etaMs: 9_000 })
    const { entities } = await collectStatus(migration, { recorder })
    const heldBackBy = 'pool-wait at 140 of 100 ms for 3 s'
    expect(entities[0]).toMatchObject({
      ok: true,
      value: { backfill: { counts: true, rows: 500, totalRows: 1_000, etaMs: 9_000, rate: 50, heldBackBy } },
    })
    recorder.stop()
  })

  it('tells whose passwords have moved, who was refused, and that target is left alone for a while', async () => {
    const { migration } = world
    const recorder = createRecorder(migration)
    const auth = { type: 'auth', via: 'legacy', scheme: 'bcrypt' } as const
    for (const upgraded of [true, true, false]) migration.events.emit({ ...auth, upgraded, outcome: 'ok' })
    migration.events.emit({ ...auth, upgraded: false, outcome: 'invalid' })
    migration.events.emit({ ...auth, via: 'target', upgraded: true, outcome: 'changed' })
    migration.events.emit({ type: 'breaker', open: true })
    const { observed } = await collectStatus(migration, { recorder })
    expect(observed).toMatchObject({ logins: { ok: 3, refused: 1, upgraded: { bcrypt: 2 } }, rests: true })
    recorder.stop()
  })

  it('tells what the reads of the last minutes were like on either side', async () => {
    const recorder = createRecorder(world.migration)
    for (let read = 0; read < 100; read++) {
      const side = read % 2 ? 'legacy' : 'target'
      const durationMs = read === 99 ? 500 : 10
      world.migration.events.emit({
        type: 'read-outcome',
        entity: 'things',
        operation: 'find',
        side,
        ok: read !== 7,
        durationMs,
      })
    }
    const { observed } = await collectStatus(world.migration, { recorder })
    const sum = (numbers: readonly number[] = []): number => numbers.reduce((all, one) => all + one, 0)
    expect([sum(observed?.legacy.reads), sum(observed?.target.reads)]).toEqual([50, 50])
    expect(sum(observed?.legacy.errors)).toBe(1)
    expect(observed?.target.p95.find((ms) => ms !== null)).toBeCloseTo(10, -1)
    expect(observed?.depth.at(-1)).toBe(0)
    recorder.stop()
  })
})
