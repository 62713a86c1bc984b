import type { BoundSide } from '@twinspan/core'
import { type Kysely, sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eachEngine, type OpenDatabase } from '../../../test/support/engines.ts'
import { freezeSql, kyselySide } from '../src/index.ts'
import { createThings, type Things } from './things.ts'

const SCOPE = { migration: 'frozen', side: 'legacy' } as const

await eachEngine((engine) => {
  describe(`freeze on ${engine.name}`, () => {
    let opened: OpenDatabase<Things>
    let db: Kysely<Things>
    let legacy: BoundSide
    const run = (statement: string): Promise<unknown> => sql.raw(statement).execute(db)
    const things = () => [{ name: 'things', store: kyselySide(db).table('things', { key: 'id' }) }]

    beforeEach(async () => {
      opened = await engine.open<Things>()
      db = opened.db
      await createThings(db, engine.name)
      await run(`insert into things (id, label) values (1, 'a')`)
      legacy = kyselySide(db).bind(SCOPE)
      await legacy.prepare()
      await legacy.freeze.install(things())
    })
    afterEach(() => opened.close())

    it('refuses every write and says why', async () => {
      for (const write of [
        `insert into things (id, label) values (2, 'b')`,
        `update things set label = 'c'`,
        'delete from things',
        ...(engine.name === 'postgres' || engine.name === 'pglite' ? ['truncate things'] : []),
      ]) {
        await expect(run(write)).rejects.toThrow('twinspan: frozen')
      }
      expect((await db.selectFrom('things').selectAll().execute()).map(({ label }) => label)).toEqual(['a'])
    })

    it('refuses copies as well', async () => {
      const row = { incarnation: 'i', epoch: 1, phase: 'complete', primary: 'target', open: true } as const
      await legacy.fence.change(0, { ...row, pending: null, unrecorded: [] })
      const copy = legacy.copy({ stripes: [1], epoch: 1 }, ({ transaction }) =>
        things()[0]!.store.save([{ id: 1, label: 'x', code: null }], { transaction }),
      )
      await expect(copy).rejects.toThrow('twinspan: frozen')
    })

    it('counts what it refused, or says that the engine cannot', async () => {
      for (let attempt = 0; attempt < 3; attempt++) await run('delete from things').catch(() => {})
      await db
        .transaction()
        .execute(async (trx) => {
          await sql`update things set label = 'x'`.execute(trx)
        })
        .catch(() => {})
      expect(await legacy.freeze.denied()).toBe(engine.name === 'sqlite' ? null : 4)
    })

    it('is installed once and taken away completely', async () => {
      await legacy.freeze.install(things())
      await legacy.freeze.uninstall(things())
      await legacy.freeze.uninstall(things())
      await run(`update things set label = 'thawed'`)
      const statements = await freezeSql(db, SCOPE, things())
      for (const statement of statements) await run(statement)
      await expect(run(`update things set label = 'b'`)).rejects.toThrow('twinspan: frozen')
    })

    it('has refused nothing before the first freeze', async () => {
      const other = kyselySide(db).bind({ migration: 'unfrozen', side: 'legacy' })
      expect(await other.freeze.denied()).toBe(engine.name === 'sqlite' ? null : 0)
    })
  })
})
