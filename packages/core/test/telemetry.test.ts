import { createNoopMeter, type Meter, metrics } from '@opentelemetry/api'
import { describe, expect, it } from 'vitest'
import { createEvents, INSTRUMENTS, measurementsOf, type TwinspanEvent } from '../src/index.ts'
import { recordEvents } from '../src/telemetry.ts'

const SECRET = 'alice@example.org'

/** One event of every type; what is personal in it is `SECRET`. */
const EVENTS: readonly TwinspanEvent[] = [
  { type: 'phase', phase: 'canary', epoch: 5, from: 'shadow' },
  { type: 'stale', stale: true },
  { type: 'reachable', what: 'target', reachable: false, error: 'Error (ECONNREFUSED)' },
  { type: 'write', entity: 'users', operation: 'create', failedOn: 'none' },
  { type: 'doctor', findings: [{ side: 'legacy', name: 'fsync', severity: 'warn', detail: 'off' }] },
  { type: 'capture-gap', entity: 'users', error: 'DatabaseError (53100)' },
  { type: 'dirty', entity: 'users', keys: [SECRET] },
  { type: 'mirrored', entity: 'users', keys: [SECRET] },
  { type: 'mirror-batch', rows: 5, durationMs: 3, outcome: 'ok' },
  { type: 'mirror-inflight', batches: 1 },
  { type: 'parked', entity: 'users', rows: 1, class: 'DatabaseError' },
  { type: 'journal', side: 'legacy', depth: 3, oldestAgeMs: 12, parked: 0 },
  { type: 'denied-writes', writes: 2 },
  { type: 'read', entity: 'users', operation: 'find', side: 'target', why: 'router' },
  { type: 'read-outcome', entity: 'users', operation: 'find', side: 'target', ok: true, durationMs: 2, unit: SECRET },
  { type: 'shadow-read', entity: 'users', operation: 'find', outcome: 'match', control: 'noise' },
  { type: 'rehearsal', entity: 'users', operation: 'rename', outcome: 'mismatch', fields: ['email'] },
  { type: 'backfill', entity: 'users', rows: 5, totalRows: 10, etaMs: 100 },
  { type: 'compared', entity: 'users', compared: 10, mismatched: 0, parity: 1 },
  { type: 'rollout', percent: '1', epoch: 2, killed: false },
  { type: 'rollout-decisions', side: 'target', reason: 'percent', count: 12 },
  { type: 'rollout-age', ageMs: 700 },
  { type: 'guard', tier: 'all', signal: 'errors', verdict: 'ok', strength: 1, needed: 6 },
  { type: 'breaker', open: true },
  { type: 'blast-radius', units: 3, operations: 9, mismatches: 1, handedOver: 1 },
  { type: 'kill', actor: SECRET, reason: SECRET },
  { type: 'auth', via: 'legacy', scheme: 'bcrypt', upgraded: true, outcome: 'ok' },
  { type: 'switch', to: 'target-primary', step: 'fence', durationMs: 4, ok: true },
]

describe('measurementsOf', () => {
  it.each(EVENTS.map((event) => [event.type, event] as const))(
    'turns %s into figures of known instruments',
    (_, event) => {
      for (const { instrument, value } of measurementsOf(event)) {
        expect(INSTRUMENTS).toHaveProperty([instrument])
        expect(value).toBeTypeOf('number')
        expect(Number.isFinite(value)).toBe(true)
      }
    },
  )

  it('lets no key, unit, actor or reason into an attribute', () => {
    expect(JSON.stringify(EVENTS.flatMap(measurementsOf))).not.toContain(SECRET)
  })

  it('measures something for all but the events that other parts of the process listen to', () => {
    const silent = EVENTS.filter((event) => measurementsOf(event).length === 0).map((event) => event.type)
    expect(silent).toEqual(['stale', 'doctor', 'dirty', 'mirrored', 'blast-radius'])
  })
})

describe('recordEvents', () => {
  it('records once an SDK is there, however late it was registered, and nothing before', () => {
    const record = recordEvents('m')
    const write: TwinspanEvent = { type: 'write', entity: 'users', operation: 'create', failedOn: 'none' }
    record(write)
    const added: unknown[] = []
    const meter = {
      ...createNoopMeter(),
      createCounter: (name: string) => ({
        add: (value: number, attributes: object) => added.push([name, value, attributes]),
      }),
    } as unknown as Meter
    metrics.setGlobalMeterProvider({ getMeter: () => meter })
    try {
      record(write)
      record(write)
    } finally {
      metrics.disable()
    }
    record(write)
    const one = ['twinspan.writes', 1, { 'twinspan.migration': 'm', 'twinspan.entity': 'users', failed_on: 'none' }]
    expect(added).toEqual([one, one])
  })
})

describe('createEvents', () => {
  it('calls the listeners of a type and those of every type, until they unsubscribe', () => {
    const events = createEvents()
    const seen: string[] = []
    const off = events.on('stale', (event) => seen.push(`stale ${event.stale}`))
    events.on('*', (event) => seen.push(event.type))
    events.emit({ type: 'stale', stale: true })
    off()
    events.emit({ type: 'stale', stale: false })
    expect(seen).toEqual(['stale true', 'stale', 'stale'])
  })

  it('lets no listener disturb the one who emits, nor the other listeners', () => {
    const events = createEvents()
    let heard = 0
    events.on('*', () => {
      throw new Error('observer')
    })
    events.on('*', () => heard++)
    events.emit({ type: 'stale', stale: true })
    expect(heard).toBe(1)
  })
})
