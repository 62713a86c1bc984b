import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { backfill } from '@twinspan/backfill'
import { createMigration, type Migration, PHASES } from '@twinspan/core'
import { type CutoverResult, createCutover } from '@twinspan/cutover'
import { createMirror, dualWrite, local, type Mirror, write } from '@twinspan/dual-write'
import { reconcile } from '@twinspan/reconcile'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Engine, OpenDatabase } from '../support/engines.ts'
import { mariadb } from '../support/mariadb.ts'
import { pglite } from '../support/pglite.ts'
import { postgres } from '../support/postgres.ts'
import { sqlite } from '../support/sqlite.ts'
import { LegacyAccounts, type LegacyDB, openPair, sidesOf, TargetAccounts, type TargetDB } from './two-schemas.ts'

const by = { actor: 'test', reason: 'end to end' }
const SWITCHES = 5

interface Service {
  readonly migration: Migration
  readonly mirror: Mirror
  readonly accounts: LegacyAccounts
}

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

  describe.skipIf(missing !== undefined)(`${title}`, () => {
    let databases: { readonly legacy: OpenDatabase<LegacyDB>; readonly target: OpenDatabase<TargetDB> }
    let services: Service[]
    let archive: string

    beforeEach(async () => {
      archive = await mkdtemp(join(tmpdir(), 'twinspan-'))
      databases = await openPair(legacyEngine, targetEngine)
      await databases.legacy.db
        .insertInto('members')
        .values(Array.from({ length: 200 }, (_, n) => ({ mail: `m${n}@example.org`, status: 'Active', points: 0 })))
        .execute()
      services = []
      for (let count = 0; count < (legacyEngine.concurrent && targetEngine.concurrent ? 3 : 1); count++) {
        services.push(await startService())
      }
    })
    afterEach(async () => {
      for (const { mirror, migration } of services) {
        await mirror.stop()
        await migration.stop()
      }
      await databases.legacy.close()
      await databases.target.close()
      await rm(archive, { recursive: true })
    })

    async function startService(): Promise<Service> {
      const connections = { legacy: await databases.legacy.connect(), target: await databases.target.connect() }
      const { users, ...sides } = sidesOf(connections.legacy, connections.target)
      const migration = createMigration({ name: 'accounts', ...sides, entities: [users], refreshMs: 200 })
      await migration.start()
      const mirror = createMirror(migration, { pollMs: 50 })
      mirror.start()
      const accounts = dualWrite(migration, users, {
        legacy: new LegacyAccounts(connections.legacy),
        target: new TargetAccounts(connections.target),
        operations: {
          create: write({ key: (_email, created) => created.id }),
          award: write({ key: (id) => id }),
          remove: write({ key: (id) => id }),
          all: local(),
        },
      })
      return { migration, mirror, accounts }
    }

    async function readyToSwitch(): Promise<void> {
      const { migration } = services[0] as Service
      const [users] = migration.entities
      for (const to of PHASES.slice(1, 5)) {
        await migration.advance({ to, ...by })
        if (to === 'dual-write') await toTheEnd(backfill(migration, users!))
      }
      await (services[0] as Service).mirror.drain()
      await toTheEnd(reconcile.sweep(migration, users!))
    }

    it(`goes there and back ${SWITCHES} times under load: nothing lost, nothing on the demoted side, no error`, {
      timeout: 120_000,
    }, async () => {
      await readyToSwitch()
      const [first] = services as [Service]
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
      const legacy = await new LegacyAccounts(databases.legacy.db).all()
      expect(legacy).toEqual(await new TargetAccounts(databases.target.db).all())
      expect(new Map(legacy.map(({ id, points }) => [id, points]))).toEqual(expected)
      expect(writes).toBeGreaterThan(50)
    })

    it('ends with legacy frozen and in an archive that agrees with it', { timeout: 120_000 }, async () => {
      await readyToSwitch()
      const [first] = services as [Service]
      const cut = createCutover(first.migration, { drain: () => first.mirror.drain(), holdMs: 0 })
      await cut.advance({ to: 'target-primary', ...by })
      const created = await first.accounts.create('new@example.org')
      expect(created.id).toBeGreaterThan(1_000)
      await first.mirror.drain()
      expect(await cut.advance({ to: 'complete', ...by })).toMatchObject({ unsettled: [] })

      await expect(new LegacyAccounts(databases.legacy.db).award(1)).rejects.toThrow()
      await first.accounts.award(1)
      await expect(cut.archive({ to: archive })).resolves.toMatchObject({ verified: { ok: true, rows: 201 } })
      const compared = await cut.verifyArchive(archive, { compare: true })
      expect(compared).toMatchObject({
        ok: true,
        entities: [{ live: { same: 201, different: 0, missing: 0, extra: 0 } }],
      })
      expect(await cut.canDrop()).toMatchObject({ ready: true })

      // And even from here there is a way back: what legacy missed is found by a sweep.
      await cut.rollback(by)
      await expect(cut.rollback(by)).rejects.toMatchObject({ code: 'TWINSPAN_CUTOVER_BLOCKED' })
      const [users] = first.migration.entities
      await toTheEnd(reconcile.sweep(first.migration, users!, { repair: true }))
      await first.mirror.drain()
      await toTheEnd(reconcile.sweep(first.migration, users!))
      expect((await cut.rollback(by)).to).toBe('canary')
      expect((await new LegacyAccounts(databases.legacy.db).all()).find(({ id }) => id === 1)?.points).toBe(1)
    })
  })
}

async function toTheEnd(work: AsyncIterable<unknown>): Promise<void> {
  for await (const step of work) void step
}

/** Users of every process who create, award and remove, and remember what they were told. */
function startLoad(services: readonly Service[]) {
  const expected = new Map<number, number>(Array.from({ length: 200 }, (_, index) => [index + 1, 0]))
  const errors: unknown[] = []
  let running = true
  let writes = 0
  let longestMs = 0
  const users = services.flatMap((service, process) =>
    [0, 1, 2].map(async (user) => {
      const mine = process * 3 + user
      for (let turn = 0; running; turn++) {
        const began = Date.now()
        // Each user has accounts of its own, so that what it was told is what must be there.
        const own = 1 + mine + 9 * (turn % 20)
        try {
          if (turn % 5 === 3) {
            const { id } = await service.accounts.create(`u${mine}-${turn}@example.org`)
            expected.set(id, 0)
          } else if (turn % 50 === 49) {
            await service.accounts.remove(own)
            expected.delete(own)
          } else {
            await service.accounts.award(own)
            if (expected.has(own)) expected.set(own, (expected.get(own) as number) + 1)
          }
          writes++
        } catch (error) {
          errors.push(error)
        }
        longestMs = Math.max(longestMs, Date.now() - began)
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    }),
  )
  return {
    during: (ms: number) => new Promise((resolve) => setTimeout(resolve, ms)),
    async stop() {
      running = false
      await Promise.all(users)
      return { expected, errors, writes, longestMs }
    },
  }
}
