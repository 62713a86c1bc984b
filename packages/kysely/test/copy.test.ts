import { type BoundSide, type Copy, type FenceRow, STRIPES } from '@twinspan/core'
import { type Kysely, sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eachEngine, type OpenDatabase } from '../../../test/support/engines.ts'
import { kyselySide } from '../src/index.ts'
import type { OwnTables } from '../src/own-tables.ts'
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
const SCOPE = { migration: 'copied', side: 'target' } as const

const never = (): Promise<never> => new Promise(() => {})
const ms = (time: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, time))

await eachEngine((engine) => {
  describe(`copies on ${engine.name}`, () => {
    let opened: OpenDatabase<Things>
    let db: Kysely<Things>
    let target: BoundSide
    let elsewhere: BoundSide
    const table = () => kyselySide(db).table('things', { key: 'id' })
    const labels = async (): Promise<string[]> =>
      (await db.selectFrom('things').select('label').orderBy('id').execute()).map(({ label }) => label)
    const save = (copy: Copy, id: number, label: string): Promise<void> =>
      table().save([{ id, label, code: null }], { transaction: copy.transaction })

    beforeEach(async () => {
      opened = await engine.open<Things>()
      db = opened.db
      await createThings(db, engine.name)
      target = kyselySide(db).bind(SCOPE)
      elsewhere = kyselySide(await opened.connect()).bind(SCOPE)
      await target.prepare()
      await target.fence.change(0, OPEN)
      await target.capture.install([{ name: 'things', store: table() }])
    })
    afterEach(() => opened.close())

    it('ends a copy whose work hangs, and commits nothing of it, now or later', async () => {
      let release = (): void => {}
      const began = Date.now()
      const copy = target.copy({ stripes: [1], epoch: 2, timeoutMs: 300 }, async (held) => {
        await save(held, 1, 'before')
        await new Promise<void>((resolve) => {
          release = resolve
        })
        // The process was paused and goes on.
        await save(held, 2, 'after')
      })
      await expect(copy).rejects.toMatchObject({ code: 'TWINSPAN_TIMEOUT' })
      expect(Date.now() - began).toBeLessThan(5_000)
      release()
      await ms(50)
      expect(await labels()).toEqual([])
      // The stripe is free, and so is the connection.
      await target.copy({ stripes: [1], epoch: 2 }, (held) => save(held, 3, 'next'))
      expect(await labels()).toEqual(['next'])
    })

    it('ends a copy in the middle of many statements without one of them slipping through', async () => {
      const copy = target.copy({ stripes: [1], epoch: 2, timeoutMs: 150 }, async (held) => {
        for (let id = 1; ; id++) {
          await save(held, id, 'x')
          // A synchronous driver never gives the timer a turn.
          await ms(0)
        }
      })
      await expect(copy).rejects.toMatchObject({ code: 'TWINSPAN_TIMEOUT' })
      await ms(100)
      expect(await labels()).toEqual([])
      await target.copy({ stripes: [1], epoch: 2 }, (held) => save(held, 3, 'next'))
      expect(await labels()).toEqual(['next'])
    })

    it('gives every connection back after copies that hung', async () => {
      const hung = Array.from({ length: 12 }, (_, index) =>
        target.copy({ stripes: [index], epoch: 2, timeoutMs: 200 }, never),
      )
      const outcomes = await Promise.allSettled(hung)
      expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true)
      const copies = Array.from({ length: 12 }, (_, index) =>
        target.copy({ stripes: [index], epoch: 2 }, (held) => save(held, index + 1, 'x')),
      )
      await Promise.all(copies)
      expect(await labels()).toHaveLength(12)
    })

    it('tells its caller in time when another copy holds the stripe, and takes it when it is free', async () => {
      const { holder, release } = await hold(elsewhere, [5])
      await expect(target.copy({ stripes: [5], epoch: 2, timeoutMs: 200 }, async () => {})).rejects.toMatchObject({
        code: 'TWINSPAN_TIMEOUT',
      })
      release()
      await holder
      expect(await target.copy({ stripes: [5], epoch: 2 }, async ({ stripes }) => stripes)).toEqual([5])
    })

    it('holds all stripes in order, each once', async () => {
      const wanted = Array.from({ length: STRIPES }, (_, index) => STRIPES - 1 - index)
      const held = await target.copy({ stripes: [...wanted, 3, 3], epoch: 2 }, async ({ stripes }) => stripes)
      expect(held).toEqual(wanted.toReversed())
    })

    it('takes a fence that is closed while a switch drains the journal', async () => {
      await target.fence.change(1, { ...OPEN, open: false })
      await target.copy({ stripes: [1], epoch: 2 }, (held) => save(held, 1, 'drained'))
      expect(await labels()).toEqual(['drained'])
    })

    it('leaves nothing behind that lets a stranger pass', async () => {
      await target.copy({ stripes: [1], epoch: 2 }, (held) => save(held, 1, 'x'))
      await target.copy({ stripes: [1], epoch: 2 }, () => Promise.reject(new Error('mine'))).catch(() => {})
      await target.copy({ stripes: [1], epoch: 2, timeoutMs: 100 }, never).catch(() => {})
      for (let attempt = 0; attempt < 12; attempt++) {
        await expect(table().save([{ id: 9, label: 'x', code: null }])).rejects.toSatisfy((error) =>
          target.isStalePhase(error),
        )
      }
    })

    // MariaDB commits before every statement that defines something.
    const ending = engine.name === 'mariadb' ? ['create table aside (id integer)'] : []
    it.each(['commit', 'rollback', ...ending])(
      'notices an attempt that ends the transaction by %s, and leaves nothing behind that lets a stranger pass',
      async (statement) => {
        const copy = target.copy({ stripes: [1], epoch: 2 }, async (held) => {
          await held.attempt?.(async () => {
            await sql.raw(statement).execute(held.transaction as Kysely<Things>)
          })
          await save(held, 1, 'after')
        })
        await expect(copy).rejects.toMatchObject({ code: 'TWINSPAN_TRANSACTION_ENDED' })
        // Every connection of the pool, the one of the copy among them.
        const strangers = Array.from({ length: engine.concurrent ? 12 : 1 }, (_, id) =>
          db
            .insertInto('things')
            .values({ id: 100 + id, label: 'stranger', code: null })
            .execute(),
        )
        for (const stranger of await Promise.allSettled(strangers)) expect(stranger.status).toBe('rejected')
        expect(await labels()).toEqual([])
        await target.copy({ stripes: [1], epoch: 2 }, (held) => save(held, 2, 'next'))
        expect(await labels()).toEqual(['next'])
      },
    )

    it('refuses stripes and times that cannot be meant', async () => {
      await expect(target.copy({ stripes: [64], epoch: 2 }, never)).rejects.toMatchObject({ option: 'stripes' })
      await expect(target.copy({ stripes: [1], epoch: 2, timeoutMs: 0 }, never)).rejects.toMatchObject({
        option: 'timeoutMs',
      })
    })

    if (engine.name === 'mariadb') {
      it('gives the session its own time-outs back', async () => {
        const limits = async () => {
          const { rows } = await sql`select @@innodb_lock_wait_timeout as locks, @@wait_timeout as idle`.execute(db)
          return rows
        }
        const before = await limits()
        await Promise.all(Array.from({ length: 10 }, () => target.copy({ stripes: [1], epoch: 2 }, async () => {})))
        for (const now of await Promise.all(Array.from({ length: 10 }, limits))) expect(now).toEqual(before)
      })
    }

    if (!engine.concurrent) return

    it('takes the stripes that are free beside a copy that holds some, and waits when none is', async () => {
      const { holder, release } = await hold(elsewhere, [1, 2, 3])
      const free = { epoch: 2, wait: 'free' } as const
      expect(await target.copy({ ...free, stripes: [4, 2, 0] }, async ({ stripes }) => stripes)).toEqual([0, 4])
      let waited = true
      const waiting = target
        .copy({ ...free, stripes: [2, 1] }, async ({ stripes }) => stripes)
        .finally(() => (waited = false))
      await ms(150)
      expect(waited).toBe(true)
      release()
      await holder
      expect(await waiting).toEqual([1])
    })

    it('lets copies of different stripes run side by side', async () => {
      let inside = 0
      const both = (stripe: number) =>
        target.copy({ stripes: [stripe], epoch: 2 }, async () => {
          inside++
          while (inside < 2) await ms(5)
        })
      await Promise.all([both(1), both(2)])
      expect(inside).toBe(2)
    })

    it('makes a fence change wait, and refuses the copies that come after it', async () => {
      const order: string[] = []
      const copy = target.copy({ stripes: [1], epoch: 2 }, async (held) => {
        await ms(200)
        await save(held, 1, 'x')
        order.push('copied')
      })
      await ms(80)
      const change = elsewhere.fence
        .change(1, { ...OPEN, epoch: 3 }, { lockTimeoutMs: 5_000 })
        .then(() => order.push('changed'))
      await ms(50)
      const late = target.copy({ stripes: [2], epoch: 2 }, (held) => save(held, 2, 'late'))
      await expect(late).rejects.toMatchObject({ code: 'TWINSPAN_STALE_PHASE' })
      await Promise.all([copy, change])
      expect(order).toEqual(['copied', 'changed'])
      expect(await labels()).toEqual(['x'])
    })

    it('has the server end a copier that is stopped while it holds a stripe', async () => {
      const side = engine.name === 'postgres' ? pausedPostgres : pausedMariadb
      const stopped = await side(db, 1_000)
      try {
        await ms(2_500)
        // The paused process comes back and commits.
        await expect(stopped.commit()).rejects.toThrow()
      } finally {
        await stopped.end()
      }
      expect(await labels()).toEqual([])
    })
  })
})

/** A copy that is known to hold its stripes until it is released. */
async function hold(side: BoundSide, stripes: readonly number[]) {
  let release = (): void => {}
  const hung = new Promise<void>((resolve) => {
    release = resolve
  })
  let holder: Promise<void> | undefined
  await new Promise<void>((resolve, reject) => {
    holder = side.copy({ stripes, epoch: 2 }, () => {
      resolve()
      return hung
    })
    holder.catch(reject)
  })
  return { holder, release }
}

/** A copier's transaction, opened through the dialect's own statements and then left alone by its process. */
async function pausedPostgres(db: Kysely<Things>, timeoutMs: number) {
  const { postgres } = await import('../src/dialects/postgres.ts')
  return paused(db, async (trx) => postgres.begin(trx, SCOPE, timeoutMs))
}

async function pausedMariadb(db: Kysely<Things>, timeoutMs: number) {
  const { mysql } = await import('../src/dialects/mysql.ts')
  return paused(db, async (trx) => {
    await mysql.limitSession(trx, timeoutMs)
    await mysql.begin(trx, SCOPE, timeoutMs)
  })
}

async function paused(db: Kysely<Things>, begin: (trx: Kysely<OwnTables>) => Promise<void>) {
  const { postgres } = await import('../src/dialects/postgres.ts')
  const { mysql } = await import('../src/dialects/mysql.ts')
  const dialect = db.getExecutor().adapter.supportsReturning ? postgres : mysql
  const trx = await db.startTransaction().execute()
  await begin(trx as unknown as Kysely<OwnTables>)
  await dialect.markCopy(trx as unknown as Kysely<OwnTables>, SCOPE)
  await trx.insertInto('things').values({ id: 1, label: 'paused', code: null }).execute()
  return {
    commit: () => trx.commit().execute(),
    end: () =>
      trx
        .rollback()
        .execute()
        .catch(() => {}),
  }
}
