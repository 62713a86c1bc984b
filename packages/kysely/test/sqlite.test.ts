import type { FenceRow } from '@twinspan/core'
import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'
import { sqlite } from '../../../test/support/sqlite.ts'
import { kyselySide } from '../src/index.ts'
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

describe('an SQLite file that several processes write', () => {
  it('keeps copies, marks and state waiting for a writer, without refusing them', async () => {
    const { db, connect, close } = await sqlite.open<Things>()
    try {
      await createThings(db, 'sqlite')
      const side = kyselySide(db)
      const target = side.bind({ migration: 'm', side: 'target' })
      await target.prepare()
      await target.fence.change(0, OPEN)
      const table = side.table('things', { key: 'id' })
      const other = await connect()
      let holding = false
      const writer = other.transaction().execute(async (trx) => {
        await sql`insert into things (id, label) values (1, 'theirs')`.execute(trx)
        holding = true
        await new Promise((resolve) => setTimeout(resolve, 300))
        holding = false
      })
      while (!holding) await new Promise((resolve) => setTimeout(resolve, 1))
      const waited: boolean[] = []
      const then = (): unknown => waited.push(!holding)
      await Promise.all([
        writer,
        target
          .copy({ stripes: [1], epoch: 2 }, ({ transaction }) =>
            table.save([{ id: 2, label: 'ours', code: null }], { transaction }),
          )
          .then(then),
        target.journal.mark([{ entity: 'things', key: '1' }]).then(then),
        side.store.bind('m').putDocument('x', 1).then(then),
        target.fence.change(1, { ...OPEN, epoch: 2 }, { lockTimeoutMs: 5_000 }).then(then),
      ])
      expect(waited).toEqual([true, true, true, true])
      expect(await table.load([1, 2])).toHaveLength(2)
    } finally {
      await close()
    }
  })
})
