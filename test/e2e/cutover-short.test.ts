import { generateKeyPairSync } from 'node:crypto'
import { createCutover, verifyCertificate } from '@twinspan/cutover'
import { reconcile } from '@twinspan/reconcile'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { mariadb } from '../support/mariadb.ts'
import { pglite } from '../support/pglite.ts'
import { postgres } from '../support/postgres.ts'
import { sqlite } from '../support/sqlite.ts'
import { atRest, by, type Databases, type Service, seed, startLoad, startService, toTheEnd } from './service.ts'
import { openPair } from './two-schemas.ts'

const pairs = [[sqlite, pglite] as const, [postgres, postgres] as const, [mariadb, postgres] as const]

for (const [legacyEngine, targetEngine] of pairs) {
  const missing = (await legacyEngine.missing()) ?? (await targetEngine.missing())
  if (missing !== undefined && process.env['CI'] === 'true') throw new Error(missing)
  const name = `the short road from ${legacyEngine.name} to ${targetEngine.name}`
  const title = missing === undefined ? name : `${name} (skipped: ${missing})`

  describe.skipIf(missing !== undefined)(`${title}`, { timeout: 90_000 }, () => {
    let databases: Databases
    let services: Service[]

    beforeEach(async () => {
      databases = await openPair(legacyEngine, targetEngine)
      await seed(databases)
      const processes = legacyEngine.concurrent && targetEngine.concurrent ? 2 : 1
      services = []
      while (services.length < processes) services.push(await startService(databases))
    })
    afterEach(async () => {
      for (const service of services) await service.stop()
      await databases.legacy.close()
      await databases.target.close()
    })

    it('copies behind the fence while users write, loses nothing, ends in a certificate, and leads back', async () => {
      const { migration, mirror } = services[0] as Service
      await migration.advance({ to: 'capture', ...by })
      const cut = createCutover(migration, { drain: () => mirror.drain() })
      const load = startLoad(services)
      await load.during(100)
      // On a machine that is busy the estimate may be high; what it costs here is nobody's promise.
      const result = await cut.advance({ to: 'target-primary', path: 'fenced-copy', maxWaitMs: 4_000, ...by })
      await load.during(300)
      const { expected, errors, writes } = await load.stop()
      expect(result.unsettled).toEqual([])
      expect(errors).toEqual([])
      expect(writes).toBeGreaterThan(10)

      await mirror.drain()
      const { legacy, target } = await atRest(databases)
      expect(legacy).toEqual(target)
      expect(new Map(target.map(({ id, points }) => [id, points]))).toEqual(expected)

      for (const entity of migration.entities) await toTheEnd(reconcile.sweep(migration, entity))
      const { privateKey, publicKey } = generateKeyPairSync('ed25519')
      const certificate = await cut.certificate({ privateKey })
      expect(certificate).toMatchObject({ phase: 'target-primary', entities: [{ rows: expected.size, parity: 1 }] })
      // The entity declares no columns, so the rows themselves were compared.
      expect(certificate.entities[0]?.digest).toBeNull()
      expect(verifyCertificate(JSON.parse(JSON.stringify(certificate)), publicKey).ok).toBe(true)

      expect((await cut.rollback(by)).to).toBe('canary')
      await (services[0] as Service).accounts.award(1)
      expect((await atRest(databases)).legacy.find(({ id }) => id === 1)?.points).toBe((expected.get(1) ?? 0) + 1)
    })
  })
}
