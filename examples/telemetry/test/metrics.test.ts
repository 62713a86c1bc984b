import { INSTRUMENTS, type TwinspanEvent } from '@twinspan/core'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type BusyService, openBusyService } from './busy-service.ts'
import { dashboard, dashboardQueries, documented, leftOut, ruleQueries } from './operations.ts'
import { parseScrape, type Scrape, unknownIn } from './scrape.ts'

/** What this small service does not come to by itself, and its exporter shows like everything else. */
const BESIDES: readonly TwinspanEvent[] = [
  { type: 'write', entity: 'users', operation: 'rename', failedOn: 'primary' },
  { type: 'mirror-batch', rows: 1, durationMs: 10_000, outcome: 'failed' },
  { type: 'capture-gap', entity: 'users', error: 'DatabaseError (53100)' },
  { type: 'read-outcome', entity: 'users', operation: 'find', side: 'target', ok: false, durationMs: 2 },
  { type: 'shadow-read', entity: 'users', operation: 'find', outcome: 'mismatch', control: 'noise' },
  { type: 'rehearsal', entity: 'users', operation: 'rename', outcome: 'match' },
  { type: 'guard', tier: 'all', signal: 'errors', verdict: 'ok', strength: 1, needed: 6 },
  { type: 'breaker', open: true },
  { type: 'reachable', what: 'store', reachable: false },
  { type: 'switch', to: 'target-primary', step: 'drain', durationMs: 9, ok: false },
  { type: 'denied-writes', writes: 2 },
  { type: 'auth', via: 'legacy', scheme: 'bcrypt', upgraded: true, outcome: 'ok' },
  { type: 'auth', via: 'none', scheme: 'none', upgraded: false, outcome: 'unavailable' },
  { type: 'auth', via: 'none', scheme: 'none', upgraded: false, outcome: 'busy' },
  { type: 'auth-finding', finding: 'costly-hash', side: 'legacy', scheme: 'bcrypt' },
  { type: 'auth-remaining', scheme: 'bcrypt', users: 12 },
]

describe('what a scrape shows', () => {
  let busy: BusyService
  let scrape: Scrape
  let byItself: Scrape
  beforeAll(async () => {
    busy = await openBusyService()
    const { service } = busy
    const { faults } = service.databases
    const shown = async (pattern: RegExp): Promise<void> => {
      await vi.waitUntil(async () => pattern.test(await busy.scrape()), { timeout: 20_000, interval: 100 })
    }
    const admit = faults.refuse(5)
    await service.members.rename(5, 'refused@example.org')
    await shown(/twinspan_journal_parked_rows\{.*\} 1/)
    admit()
    const letGo = faults.holdTarget()
    await shown(/twinspan_journal_oldest_age\{.*\} [1-9]\d{2}/)
    letGo()
    await service.router.kill({ actor: 'operator', reason: 'test' })
    await shown(/twinspan_rollout_kills_total/)
    await shown(/twinspan_rollout_decisions_total/)
    byItself = parseScrape(await busy.scrape())
    for (const event of BESIDES) service.migration.events.emit(event)
    scrape = parseScrape(await busy.scrape())
  })
  afterAll(() => busy?.close())

  it('is most of it from a service that does nothing for it', () => {
    const own = [...byItself.keys()].filter((name) => name.startsWith('twinspan_') && !name.endsWith('_bucket'))
    expect(own.length).toBeGreaterThan(20)
    expect(busy.load.failed()).toBe(0)
  })

  it.each(Object.keys(INSTRUMENTS))('%s is in it', (instrument) => {
    const name = instrument.replaceAll('.', '_')
    const names = [name, `${name}_total`, `${name}_count`]
    expect(names.filter((one) => scrape.has(one))).toHaveLength(1)
  })

  it('tells no key, no value and no person', async () => {
    const text = await busy.scrape()
    expect(text).toContain('twinspan_writes_total')
    expect(text).not.toMatch(/example\.org|refused@|operator/)
  })

  it.each(ruleQueries)('has all that the alert $where asks for', ({ expression }) => {
    expect(expression).toContain('twinspan_')
    expect(unknownIn(scrape, expression)).toEqual([])
  })

  it.each(dashboardQueries)('has all that the panel "$where" asks for: $expression', ({ expression }) => {
    expect(unknownIn(scrape, expression)).toEqual([])
  })

  it('would find a metric, a label and a value that are not there', () => {
    expect(unknownIn(scrape, 'twinspan_writes')).toEqual(['twinspan_writes'])
    expect(unknownIn(scrape, 'rate(twinspan_writes_total{failed="primary"}[5m])')).toEqual([
      'twinspan_writes_total{failed}',
    ])
    expect(unknownIn(scrape, 'twinspan_writes_total{failed_on="both"}')).toEqual([
      'twinspan_writes_total{failed_on="both"}',
    ])
    expect(unknownIn(scrape, 'sum by (operation) (twinspan_writes_total)')).toEqual(['by (operation)'])
  })
})

describe('the page, the library and the dashboard', () => {
  it('know the same metrics', () => {
    expect(documented.toSorted()).toEqual(Object.keys(INSTRUMENTS).sort())
  })

  it('show each of them, or say why not', () => {
    const expressions = dashboardQueries.map(({ expression }) => expression).join('\n')
    const absent = documented.filter((name) => !expressions.includes(name.replaceAll('.', '_')))
    expect(absent.toSorted()).toEqual(leftOut.toSorted())
  })

  it('lay panels out side by side and not over each other', () => {
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`),
    )
    expect(new Set(cells).size).toBe(cells.length)
    expect(dashboard.panels.every(({ gridPos: { x, w } }) => x + w <= 24)).toBe(true)
  })
})
