import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CutoverResult, createCutover } from '@twinspan/cutover'
import { reconcile } from '@twinspan/reconcile'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Engine } from '../support/engines.ts'
import { mariadb } from '../support/mariadb.ts'
import { pglite } from '../support/pglite.ts'
import { postgres } from '../support/postgres.ts'
import { sqlite } from '../support/sqlite.ts'
import {
  atRest,
  by,
  type Databases,
  prepareSwitch,
  type Service,
  seed,
  startLoad,
  startService,
  toTheEnd,
} from './service.ts'
import { LegacyAccounts, openPair } from './two-schemas.ts'

const SWITCHES = process.env['TWINSPAN_LONG'] === '1' ? 10 : 2

const pairs: readonly (readonly [Engine, Engine])[] = [
  [sqlite, pglite],
  [postgres, postgres],
  [mariadb, postgres],
]

for (const [legacyEngine, targetEngine] of pairs) {
  const missing = (await legacyEngine.missing()) ?? (await targetEngine.missing())
  if (missing !== undefined && process.env['CI'] === 'true') throw new Error(missing)
  const name = `the switch from ${legacyEngine.name} to ${targetEngine.name}`
  const title = missing === undefined ? name : `${name} (skipped: ${missing})`

  describe.skipIf(missing !== undefined)(`${title}`, { timeout: 120_000 }, () => {
    let databases: Databases
    let services: Service[]
    let first: Service
    let archive: string

    beforeEach(async () => {
      archive = await mkdtemp(join(tmpdir(), 'twinspan-'))
      databases = await openPair(legacyEngine, targetEngine)
      await seed(databases)
      const processes = legacyEngine.concurrent && targetEngine.concurrent ? 3 : 1
      services = []
      while (services.length < processes) services.push(await startService(databases))
      first = services[0] as Service
      await prepareSwitch(first)
    })
    afterEach(async () => {
      for (const service of services) await service.stop()
      await databases.legacy.close()
      await databases.target.close()
      await rm(archive, { recursive: true })
    })

    it(`goes there and back ${SWITCHES} times under load: nothing lost, nothing on the demoted side, no error`, async () => {
      const cut = createCutover(first.migration, { drain: () => first.mirror.drain() })
      expect((await cut.plan()).gates.filter(({ ok }) => !ok)).toEqual([])

      const load = startLoad(services)
      const results: CutoverResult[] = []
      for (let round = 0; round < SWITCHES; round++) {
        await load.during(100)
        results.push(await cut.advance({ to: 'target-primary', ...by }))
        await load.during(100)
        results.push(await cut.rollback(by))
      }
      const { expected, errors, writes, longestMs } = await load.stop()
      const pauses = results.map(({ writersWaitedMs }) => writersWaitedMs)
      console.info(`${name}: ${writes} writes, pauses ${pauses.join(' ')} ms, longest write ${longestMs} ms`)

      expect(errors).toEqual([])
      expect(results.flatMap(({ unsettled }) => unsettled)).toEqual([])
      await first.mirror.drain()
      const { legacy, target } = await atRest(databases)
      expect(legacy).toEqual(target)
      expect(new Map(legacy.map(({ id, points }) => [id, points]))).toEqual(expected)
      // Ten a round is little: the point is that users were at it the whole time.
      expect(writes).toBeGreaterThan(SWITCHES * 10)
    })

    it('ends with legacy frozen and in an archive that agrees with it, and even then there is a way back', async () => {
      const cut = createCutover(first.migration, { drain: () => first.mirror.drain(), holdMs: 0 })
      await cut.advance({ to: 'target-primary', ...by })
      const created = await first.accounts.create('new@example.org')
      // Past every key of legacy, with the margin.
      expect(created.id).toBeGreaterThan(1_000)
      await first.mirror.drain()
      expect(await cut.advance({ to: 'complete', ...by })).toMatchObject({ unsettled: [] })

      await expect(new LegacyAccounts(databases.legacy.db).award(1)).rejects.toThrow()
      await first.accounts.award(1)
      await expect(cut.archive({ to: archive })).resolves.toMatchObject({ verified: { ok: true, rows: 201 } })
      expect(await cut.verifyArchive(archive, { compare: true })).toMatchObject({
        ok: true,
        entities: [{ live: { same: 201, different: 0, missing: 0, extra: 0 } }],
      })
      expect(await cut.canDrop()).toMatchObject({ ready: true })
      await cut.thaw(by)
      for (let time = 0; time < 2; time++) await new LegacyAccounts(databases.legacy.db).award(1)

      await cut.rollback(by)
      await expect(cut.rollback(by)).rejects.toMatchObject({ code: 'TWINSPAN_CUTOVER_BLOCKED' })
      for (const entity of first.migration.entities) {
        // The first pass repairs what legacy missed in complete, the second proves it.
        await toTheEnd(reconcile.sweep(first.migration, entity, { repair: true }))
        await first.mirror.drain()
        await toTheEnd(reconcile.sweep(first.migration, entity))
      }
      expect((await cut.rollback(by)).to).toBe('canary')
      const { legacy, target } = await atRest(databases)
      expect(legacy).toEqual(target)
      expect(legacy.find(({ id }) => id === 1)?.points).toBe(1)
    })
  })
}
