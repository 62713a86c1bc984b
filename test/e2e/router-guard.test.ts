import { createMigration, defineEntity, type EventOf, type Migration, PHASES, type SideName } from '@twinspan/core'
import { kyselySide } from '@twinspan/kysely'
import { createRouter, guardRouter, type Router, type RouterGuard, readBlastRadius } from '@twinspan/router'
import { type Kysely, sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { eachEngine, type OpenDatabase } from '../support/engines.ts'

const by = { actor: 'test', reason: 'end to end' }
const TICK_MS = 60

interface Things {
  things: { id: number }
}

interface Process {
  readonly migration: Migration
  readonly router: Router
  readonly guard: RouterGuard
}

await eachEngine((engine) => {
  // PostgreSQL itself is among them, and three processes on one connection would only wait for each other.
  if (engine.name === 'pglite') return
  describe(`the guard of three processes with a store on ${engine.name}`, { timeout: 60_000 }, () => {
    let database: OpenDatabase<Things>
    let processes: Process[]
    beforeEach(async () => {
      database = await engine.open<Things>()
      await sql`create table things (id integer primary key)`.execute(database.db)
      const first = await join(database.db)
      for (const to of PHASES.slice(1, PHASES.indexOf('canary') + 1)) await first.migration.advance({ to, ...by })
      processes = [first]
      for (let n = 1; n < 3; n++) processes.push(await join(engine.concurrent ? await database.connect() : database.db))
      await first.router.setPercent(100, by)
      await vi.waitUntil(() => processes.every(({ router }) => router.decide('1').side === 'target'), 10_000)
    })
    afterEach(async () => {
      for (const { migration } of processes) await migration.stop()
      await database.close()
    })

    async function join(db: Kysely<Things>): Promise<Process> {
      const side = kyselySide(db)
      const table = side.table('things', { key: 'id' })
      const things = defineEntity({
        name: 'things',
        legacy: table,
        target: table,
        toTarget: (row) => row,
        toLegacy: (row) => row,
      })
      const migration = createMigration({
        name: 'guarded',
        legacy: side,
        target: side,
        capture: 'transaction',
        entities: [things],
        refreshMs: 100,
      })
      const router = createRouter(migration, { unit: 'thing', refreshMs: 100 })
      const handOver = { entity: 'things', key: Number }
      const guard = guardRouter(migration, router, { tickMs: TICK_MS, settleMs: 0, latency: false, handOver })
      await migration.start()
      await router.start()
      return { migration, router, guard }
    }

    function read({ migration }: Process, side: SideName, ok: boolean, unit: string): void {
      const event: EventOf<'read-outcome'> = {
        type: 'read-outcome',
        entity: 'things',
        operation: 'find',
        side,
        ok,
        unit,
        durationMs: 1,
      }
      migration.events.emit(event)
    }

    it('kills by what all of them saw, once, and says how far it reached', async () => {
      const judging = vi.waitFor(
        () => expect(processes.filter(({ guard }) => guard.status().leads)).toHaveLength(1),
        10_000,
      )
      let unit = 0
      const traffic = setInterval(() => {
        for (const process of processes) {
          // One of four reads of target fails, of another unit each time.
          for (let n = 0; n < 4; n++) read(process, 'target', n > 0, String(++unit))
          for (let n = 0; n < 4; n++) read(process, 'legacy', true, String(++unit))
        }
      }, TICK_MS)
      processes[1]!.migration.events.emit({
        type: 'shadow-read',
        entity: 'things',
        operation: 'find',
        outcome: 'mismatch',
        unit: '4711',
      })
      try {
        await judging
        await vi.waitFor(
          () =>
            expect(processes.map(({ router }) => router.decide('1').reason)).toEqual(['killed', 'killed', 'killed']),
          20_000,
        )
      } finally {
        clearInterval(traffic)
      }
      const { store } = processes[0]!.migration
      const report = await vi.waitFor(async () => {
        const found = await readBlastRadius(processes[0]!.migration)
        expect(found).toBeDefined()
        return found!
      }, 20_000)
      expect(report).toMatchObject({ actor: 'guard', mismatches: 1, handedOver: 1 })
      expect(report.units).toBeGreaterThan(20)
      expect(report.operations).toBeGreaterThanOrEqual(report.units * 0.9)
      const audit = await store.readAudit({ limit: 50 })
      expect(audit.filter(({ to }) => to === 'killed')).toMatchObject([
        { actor: 'guard', evidence: { why: 'worse', targetBad: expect.any(Number) } },
      ])
      expect(audit.filter(({ action }) => action === 'blast-radius')).toHaveLength(1)
      expect(await processes[0]!.migration.sides.legacy.journal.dirty('things', ['4711', '1'])).toEqual(
        new Set(['4711']),
      )
    })
  })
})
