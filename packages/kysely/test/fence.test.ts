import type { BoundSide, FenceRow } from '@twinspan/core'
import { type IsolationLevel, type Kysely, sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eachEngine, type OpenDatabase } from '../../../test/support/engines.ts'
import { kyselySide } from '../src/index.ts'
import { createThings, type Things } from './things.ts'

const OPEN: Omit<FenceRow, 'revision'> = {
  incarnation: 'i.1',
  epoch: 2,
  phase: 'capture',
  primary: 'legacy',
  open: true,
  pending: null,
  unrecorded: [],
}
const SWITCHED: Omit<FenceRow, 'revision'> = { ...OPEN, epoch: 3, phase: 'target-primary', primary: 'target' }
const SCOPE = { migration: 'fenced', side: 'legacy' } as const

const gate = (): { readonly opened: Promise<void>; open(): void } => {
  let open = (): void => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open: () => open() }
}

await eachEngine((engine) => {
  describe(`the fence on ${engine.name}`, () => {
    let opened: OpenDatabase<Things>
    let db: Kysely<Things>
    let other: Kysely<Things>
    let legacy: BoundSide
    /** The same side as another process has it. */
    let elsewhere: BoundSide
    const things = () => [{ name: 'things', store: kyselySide(db).table('things', { key: 'id' }) }]
    const write = (trx: Kysely<Things>, id: number): Promise<unknown> =>
      trx.insertInto('things').values({ id, label: 'x', code: null }).execute()

    beforeEach(async () => {
      opened = await engine.open<Things>()
      db = opened.db
      other = await opened.connect()
      await createThings(db, engine.name)
      legacy = kyselySide(db).bind(SCOPE)
      elsewhere = kyselySide(other).bind(SCOPE)
      await legacy.prepare()
      await legacy.fence.change(0, OPEN)
      await legacy.capture.install(things())
    })
    afterEach(() => opened.close())

    // What triggers do not see: docs/capture.md says so.
    it('is not asked for an update that matches no row, except where the wrapper captures', async () => {
      await elsewhere.fence.change(1, SWITCHED)
      await db.updateTable('things').set({ label: 'y' }).where('id', '=', 404).execute()
      const captured = legacy.captureWrite({ entity: 'things', keys: () => [404] }, (trx) =>
        (trx as Kysely<Things>).updateTable('things').set({ label: 'y' }).where('id', '=', 404).execute(),
      )
      await expect(captured).rejects.toMatchObject({ code: 'TWINSPAN_STALE_PHASE' })
    })

    it('gives up when writers do not end in time, and has changed nothing', async () => {
      const hold = gate()
      const inside = gate()
      const writer = db.transaction().execute(async (trx) => {
        await write(trx, 1)
        inside.open()
        await hold.opened
      })
      await inside.opened
      await expect(elsewhere.fence.change(1, SWITCHED, { lockTimeoutMs: 100 })).rejects.toMatchObject({
        code: 'TWINSPAN_FENCE_TIMEOUT',
        side: 'legacy',
      })
      hold.open()
      await writer
      expect((await legacy.fence.read())?.row).toEqual({ ...OPEN, revision: 1 })
      expect(await elsewhere.fence.change(1, SWITCHED)).toBe(true)
    })

    it('waits for the writer in flight, whose row stays', async () => {
      const hold = gate()
      const inside = gate()
      const order: string[] = []
      const writer = db.transaction().execute(async (trx) => {
        await write(trx, 1)
        inside.open()
        await hold.opened
      })
      await inside.opened
      const change = elsewhere.fence.change(1, SWITCHED, { lockTimeoutMs: 10_000 }).then((changed) => {
        order.push('changed')
        return changed
      })
      setTimeout(() => {
        // The two answers that follow come on two connections, in any order.
        order.push('let go')
        hold.open()
      }, 100)
      await writer
      expect(await change).toBe(true)
      expect(order).toEqual(['let go', 'changed'])
      expect((await legacy.journal.read({ limit: 5 })).map(({ key }) => key)).toEqual(['1'])
      await expect(write(db, 2)).rejects.toSatisfy((error) => legacy.isStalePhase(error))
    })

    it('lets one of two changes of a revision win', async () => {
      const won = await Promise.all(
        [legacy, elsewhere, legacy, elsewhere].map((side) => side.fence.change(1, SWITCHED)),
      )
      expect(won.filter(Boolean)).toHaveLength(1)
    })

    it('lets one of two processes begin a migration', async () => {
      const scope = { migration: 'begun', side: 'target' } as const
      const sides = [db, other, db, other].map((one) => kyselySide(one).bind(scope))
      const won = await Promise.all(sides.map((side) => side.fence.change(0, OPEN)))
      expect(won.filter(Boolean)).toHaveLength(1)
    })

    it('does not hold up the writers of another migration', async () => {
      const neighbour = kyselySide(other).bind({ migration: 'neighbour', side: 'legacy' })
      await neighbour.fence.change(0, OPEN)
      const hold = gate()
      const inside = gate()
      const work = async (): Promise<number> => {
        inside.open()
        await hold.opened
        return 1
      }
      if (!engine.concurrent) return
      const writer = legacy.captureWrite({ entity: 'things', keys: () => [1] }, async (trx) => {
        await write(trx as Kysely<Things>, 1)
        return work()
      })
      await inside.opened
      const waiting = elsewhere.fence.change(1, SWITCHED, { lockTimeoutMs: 10_000 })
      await neighbour.captureWrite({ entity: 'things', keys: () => [2] }, async () => 2)
      hold.open()
      await writer
      expect(await waiting).toBe(true)
    })

    if (engine.name === 'sqlite') {
      it('refuses the writer whose transaction read before the switch, and the one that did not', async () => {
        const attempt = db.transaction().execute(async (trx) => {
          await trx.selectFrom('things').selectAll().execute()
          expect(await elsewhere.fence.change(1, SWITCHED)).toBe(true)
          await write(trx, 1)
        })
        // SQLite lets nobody write on a snapshot that is not the newest.
        await expect(attempt).rejects.toMatchObject({ code: expect.stringMatching(/^SQLITE_BUSY/) })
        await expect(write(db, 1)).rejects.toSatisfy((error) => legacy.isStalePhase(error))
        expect(await db.selectFrom('things').selectAll().execute()).toEqual([])
        expect(await legacy.journal.read({ limit: 5 })).toEqual([])
      })
    }
    if (!engine.concurrent) return

    it('is not starved by writers that overlap without end', async () => {
      const stop = gate()
      let stopped = false
      let id = 1
      const writers = Array.from({ length: 6 }, async () => {
        while (!stopped) {
          try {
            await db.transaction().execute(async (trx) => {
              await write(trx, id++)
              await new Promise((resolve) => setTimeout(resolve, 15))
            })
          } catch (error) {
            expect(legacy.isStalePhase(error)).toBe(true)
            return
          }
        }
      })
      await new Promise((resolve) => setTimeout(resolve, 100))
      expect(await elsewhere.fence.change(1, SWITCHED, { lockTimeoutMs: 5_000 })).toBe(true)
      const at = await db.selectFrom('things').select(sql<number>`count(*)`.as('rows')).executeTakeFirstOrThrow()
      stopped = true
      stop.open()
      await Promise.all(writers)
      const after = await db.selectFrom('things').select(sql<number>`count(*)`.as('rows')).executeTakeFirstOrThrow()
      expect(after).toEqual(at)
    })

    // A snapshot that is older than the switch must not let its transaction write.
    it.each<IsolationLevel>(['read committed', 'repeatable read', 'serializable'])(
      'refuses the writer whose %s transaction began before the switch',
      async (isolation) => {
        const attempt = db
          .transaction()
          .setIsolationLevel(isolation)
          .execute(async (trx) => {
            await trx.selectFrom('things').selectAll().execute()
            expect(await elsewhere.fence.change(1, SWITCHED)).toBe(true)
            await write(trx, 1)
          })
        await expect(attempt).rejects.toSatisfy((error) => legacy.isStalePhase(error))
        expect(await db.selectFrom('things').selectAll().execute()).toEqual([])
        expect(await legacy.journal.read({ limit: 5 })).toEqual([])
      },
    )

    it.each<IsolationLevel>(['read committed', 'repeatable read', 'serializable'])(
      'refuses the writer who waits, in a %s transaction, while the switch commits',
      async (isolation) => {
        const hold = gate()
        const inside = gate()
        const copier = kyselySide(other).bind(SCOPE)
        // A sharer holds the change back; a writer comes after it.
        const sharer = legacy.captureWrite({ entity: 'things', keys: () => [9] }, async (trx) => {
          await write(trx as Kysely<Things>, 9)
          inside.open()
          await hold.opened
        })
        await inside.opened
        const change = copier.fence.change(1, SWITCHED, { lockTimeoutMs: 10_000 })
        await new Promise((resolve) => setTimeout(resolve, 100))
        const late = db
          .transaction()
          .setIsolationLevel(isolation)
          .execute((trx) => write(trx, 1))
        late.catch(() => {})
        await new Promise((resolve) => setTimeout(resolve, 100))
        hold.open()
        await sharer
        expect(await change).toBe(true)
        await expect(late).rejects.toSatisfy((error) => legacy.isStalePhase(error))
        expect((await db.selectFrom('things').select('id').execute()).map(({ id }) => Number(id))).toEqual([9])
      },
    )

    // Where the wrapper captures, the transaction is as the application's sessions begin it.
    it.each<IsolationLevel>(['read committed', 'repeatable read', 'serializable'])(
      'refuses the captured write whose %s transaction began before the switch',
      async (isolation) => {
        const level = isolation.toUpperCase()
        const statement =
          engine.name === 'mariadb'
            ? `set session transaction isolation level ${level}`
            : `set session characteristics as transaction isolation level ${level}`
        await db.connection().execute(async (session) => {
          await sql.raw(statement).execute(session)
          const stale = kyselySide(session).bind(SCOPE)
          for (const [at, keys] of [[], [1], [1, 2]].entries()) {
            const { row } = (await elsewhere.fence.read())!
            if (!row.open || row.primary !== 'legacy')
              await elsewhere.fence.change(row.revision, { ...OPEN, epoch: row.epoch })
            const { revision } = (await elsewhere.fence.read())!.row
            const attempt = stale.captureWrite({ entity: 'things', keys: () => keys }, async (trx) => {
              // The snapshot, where the level has one.
              await (trx as Kysely<Things>).selectFrom('things').selectAll().execute()
              expect(await elsewhere.fence.change(revision, { ...SWITCHED, epoch: 10 + at })).toBe(true)
            })
            await expect(attempt).rejects.toMatchObject({ code: 'TWINSPAN_STALE_PHASE' })
          }
          await sql
            .raw(statement.replace(level, engine.name === 'mariadb' ? 'REPEATABLE READ' : 'READ COMMITTED'))
            .execute(session)
        })
        expect(await legacy.journal.read({ limit: 5 })).toEqual([])
      },
    )

    it('refuses a captured write that comes in while the switch commits', async () => {
      const hold = gate()
      const inside = gate()
      const sharer = legacy.captureWrite({ entity: 'things', keys: () => [9] }, async () => 0).then(() => 0)
      await sharer
      const holder = db.transaction().execute(async (trx) => {
        await write(trx, 1)
        inside.open()
        await hold.opened
      })
      await inside.opened
      const change = elsewhere.fence.change(1, SWITCHED, { lockTimeoutMs: 10_000 })
      await new Promise((resolve) => setTimeout(resolve, 100))
      const keys: readonly number[][] = [[], [5], [5, 6]]
      const late = keys.map((some) => legacy.captureWrite({ entity: 'things', keys: () => some }, async () => 0))
      const outcomes = Promise.allSettled(late)
      await new Promise((resolve) => setTimeout(resolve, 100))
      hold.open()
      await holder
      expect(await change).toBe(true)
      for (const outcome of await outcomes) {
        expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'TWINSPAN_STALE_PHASE' } })
      }
    })

    it('gives way to writers whose locks cross, and costs none of them its transaction', async () => {
      await write(db, 1)
      const first = gate()
      const second = gate()
      // Holds a row without the fence, and then wants the fence.
      const one = db.transaction().execute(async (trx) => {
        await trx.selectFrom('things').select('id').where('id', '=', 1).forUpdate().execute()
        first.open()
        await second.opened
        await new Promise((resolve) => setTimeout(resolve, 200))
        await write(trx, 3)
      })
      // Holds the fence, and then wants the row.
      const two = db.transaction().execute(async (trx) => {
        await first.opened
        await write(trx, 2)
        second.open()
        await new Promise((resolve) => setTimeout(resolve, 300))
        await trx.updateTable('things').set({ label: 'two' }).where('id', '=', 1).execute()
      })
      await second.opened
      const change = elsewhere.fence.change(1, SWITCHED, { lockTimeoutMs: 8_000 })
      await Promise.all([one, two])
      expect(await change).toBe(true)
      expect(await db.selectFrom('things').selectAll().execute()).toHaveLength(3)
    })
  })
})
