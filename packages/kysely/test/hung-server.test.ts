import type { BoundSide, FenceRow } from '@twinspan/core'
import { Kysely, MysqlDialect, PostgresDialect } from 'kysely'
import { createPool } from 'mysql2'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eachEngine, type OpenDatabase } from '../../../test/support/engines.ts'
import { openProxy, type TcpProxy } from '../../../test/support/proxy.ts'
import { kyselySide, surviveLostConnections } from '../src/index.ts'
import { createThings, type Things } from './things.ts'

const OPEN: Omit<FenceRow, 'revision'> = {
  incarnation: 'i.1',
  epoch: 2,
  phase: 'dual-write',
  primary: 'legacy',
  open: true,
  pending: null,
  unrecorded: [],
}

await eachEngine((engine) => {
  if (!engine.concurrent) return

  describe(`a ${engine.name} that hangs`, () => {
    let opened: OpenDatabase<Things>
    let proxy: TcpProxy
    let far: Kysely<Things>
    let target: BoundSide
    const rows = () => opened.db.selectFrom('things').select('id').execute()
    const save = (transaction: unknown, id: number): Promise<void> =>
      kyselySide(far)
        .table('things', { key: 'id' })
        .save([{ id, label: 'x', code: null }], { transaction })

    beforeEach(async () => {
      opened = await engine.open<Things>()
      await createThings(opened.db, engine.name)
      const url = new URL(opened.url ?? '')
      proxy = await openProxy({ host: url.hostname, port: Number(url.port) })
      url.hostname = '127.0.0.1'
      url.port = String(proxy.port)
      far = new Kysely<Things>({
        dialect:
          engine.name === 'postgres'
            ? new PostgresDialect({ pool: surviveLostConnections(new pg.Pool({ connectionString: url.href, max: 3 })) })
            : new MysqlDialect({ pool: createPool({ uri: url.href, connectionLimit: 3 }) }),
      })
      target = kyselySide(far).bind({ migration: 'hung', side: 'target' })
      await target.prepare()
      await target.fence.change(0, OPEN)
      await target.copy({ stripes: [1], epoch: 2 }, ({ transaction }) => save(transaction, 1))
    })
    afterEach(async () => {
      proxy.heal()
      await far.destroy()
      await proxy.close()
      await opened.close()
    })

    it('costs every copy its time and no more, and none of them commits when it comes back', async () => {
      const began = Date.now()
      const midway = target.copy({ stripes: [1], epoch: 2, timeoutMs: 500 }, async ({ transaction }) => {
        await save(transaction, 2)
        proxy.hang()
        await save(transaction, 3)
      })
      await expect(midway).rejects.toMatchObject({ code: 'TWINSPAN_TIMEOUT' })
      // More of them than there are connections.
      const later = Array.from({ length: 6 }, (_, index) =>
        target.copy({ stripes: [index], epoch: 2, timeoutMs: 500 }, ({ transaction }) => save(transaction, 10 + index)),
      )
      for (const outcome of await Promise.allSettled(later)) {
        expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'TWINSPAN_TIMEOUT' } })
      }
      expect(Date.now() - began).toBeLessThan(10_000)
      proxy.heal()
      await target.copy({ stripes: [1, 2, 3, 4, 5], epoch: 2 }, ({ transaction }) => save(transaction, 99))
      expect((await rows()).map(({ id }) => Number(id)).sort((a, b) => a - b)).toEqual([1, 99])
    })

    it('fails a fence change in time, and connections that are cut cost no more than their copy', async () => {
      proxy.hang()
      await expect(target.fence.change(1, { ...OPEN, epoch: 3 }, { lockTimeoutMs: 200 })).rejects.toMatchObject({
        code: 'TWINSPAN_FENCE_TIMEOUT',
      })
      proxy.heal()
      const cut = target.copy({ stripes: [1], epoch: 2 }, async ({ transaction }) => {
        await save(transaction, 5)
        proxy.cut()
        await new Promise((resolve) => setTimeout(resolve, 50))
        await save(transaction, 6)
      })
      await expect(cut).rejects.toThrow()
      await target.copy({ stripes: [1], epoch: 2 }, ({ transaction }) => save(transaction, 7))
      expect((await rows()).map(({ id }) => Number(id))).toEqual([1, 7])
      expect((await target.fence.read())?.row.epoch).toBe(2)
    })
  })
})
