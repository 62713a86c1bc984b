import type { Json, Migration } from '@twinspan/core'
import { walkTo } from '@twinspan/core/testing'
import type { PlanLike } from '../src/index.ts'

const MINUTE = 60_000

export const PLAN: PlanLike = {
  ready: false,
  from: 'canary',
  to: 'target-primary',
  gates: [
    { name: 'journal-empty', ok: true, detail: '3 changes wait, the oldest for 40 ms' },
    {
      name: 'parity',
      ok: false,
      detail: 'things: 2 of 48,210 records differed in the last sweep',
      advice: 'Repair them with reconcile(..., { repair: true }) and sweep again.',
    },
    { name: 'processes', ok: true, detail: '2 processes work by epoch 4' },
  ],
}

/** Makes a migration look as in the middle of its canary: somebody has something to read in every part of the page. */
export async function furnish(migration: Migration): Promise<void> {
  const { store } = migration
  await walkTo(migration, 'canary')
  const { epoch, incarnation } = migration.snapshot
  const now = migration.now()
  const put = (name: string, value: Json) => store.putDocument(name, value)

  await put('rollout', {
    percent: '5',
    since: now - 12 * MINUTE,
    phase: 'canary',
    epoch,
    incarnation,
    killed: null,
    allow: ['staff-1', 'staff-2'],
    deny: ['vip'],
    tenants: {},
    begun: 1,
    scope: { unit: 'user', salt: '', hash: 'murmur3' },
  })
  await put('guard:one', {
    sums: {
      errors: { legacy: { total: 41_800, bad: 12 }, target: { total: 2_204, bad: 1 } },
      integrity: { compared: 3_100, mismatched: 0 },
    },
    bad: [],
  })
  await put('backfill:things', {
    ...{ entity: 'things', incarnation, epoch: 2, through: 31_000, scanned: false, thorough: false, done: false },
    ...{ rows: 31_000, inserted: 30_100, marked: 2, quarantined: 0, chunkRows: 500 },
    ...{ startedAt: now - 6 * MINUTE, updatedAt: now - 900 },
  })
  await put('sweep:things', {
    ...{
      entity: 'things',
      incarnation,
      epoch,
      primary: 'legacy',
      startedAt: now - 9 * MINUTE,
      finishedAt: now - 7 * MINUTE,
    },
    ...{ rows: 48_210, drift: 2, undecided: 1, repaired: 0, parity: 1 - 2 / 48_210, lowerBound95: 1 - 3 / 48_210 },
    patterns: [{ field: 'updated_at', reason: 'shift', keys: 2, offset: 3_600 }],
  })
  await store.saveFindings(
    ['a', 'b'].map((subject) => ({
      ...{ kind: 'reconcile', entity: 'things', subject },
      detail: { reason: 'shift', fields: [{ name: 'updated_at', reason: 'shift' }], marked: false, repaired: false },
    })),
  )
  const process = { phase: 'canary' as const, host: 'web-2', pid: 4_711, version: '2.8.1' }
  await store.heartbeat({ instance: 'web-2-4711', epoch, ...process }, 10 * MINUTE)
  migration.events.emit({ type: 'backfill', entity: 'things', rows: 31_000, totalRows: 48_210, etaMs: 200_000 })
  migration.events.emit({ type: 'auth-remaining', scheme: 'bcrypt', users: 1_204 })
  migration.events.emit({ type: 'auth-remaining', scheme: 'md5', users: 0 })
  for (const [signal, strength] of [
    ['errors', 0.8],
    ['latency', 2.4],
    ['integrity', 0],
  ] as const) {
    migration.events.emit({ type: 'guard', tier: 'all', signal, verdict: 'ok', strength, needed: 6 })
  }
}

/** Ten minutes of reads and writes, told by a clock that somebody turns. */
export function busyMinutes(migration: Migration, turn: (backMs: number) => void): void {
  const emit = migration.events.emit.bind(migration.events)
  const of = { entity: 'things', operation: 'find' }
  for (let second = 595; second >= 0; second -= 5) {
    turn(second * 1_000)
    const wave = 1 + Math.sin(second / 60) / 3
    for (let read = 0; read < 60 * wave; read++) {
      const side = read % 12 === 0 ? 'target' : 'legacy'
      const durationMs = (side === 'legacy' ? 9 : 6) * wave * (0.6 + (read % 17) / 17)
      emit({ type: 'read-outcome', ...of, side, ok: (read + second) % 211 !== 0, durationMs })
    }
    for (let write = 0; write < 14 * wave; write++) emit({ type: 'write', ...of, failedOn: 'none' })
    const depth = Math.round(6 * wave + (second > 200 && second < 240 ? 90 : 0))
    emit({ type: 'journal', side: 'legacy', depth, oldestAgeMs: 40, parked: 0 })
  }
  turn(0)
}
