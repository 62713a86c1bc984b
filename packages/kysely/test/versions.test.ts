import { type BoundSide, keyText, stripeOf } from '@twinspan/core'
import { type Kysely, sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eachEngine, type OpenDatabase } from '../../../test/support/engines.ts'
import { kyselySide } from '../src/index.ts'

const STRIPE = stripeOf(keyText(1))

await eachEngine((engine) => {
  if (!engine.concurrent) return

  describe(`the version of a copy on ${engine.name}`, () => {
    let database: OpenDatabase<unknown>
    let target: BoundSide

    beforeEach(async () => {
      database = await engine.open()
      target = kyselySide(database.db).bind({ migration: 'm', side: 'target' })
      await target.prepare()
      await target.fence.change(0, {
        incarnation: 'i.1',
        epoch: 3,
        phase: 'dual-write',
        primary: 'legacy',
        open: true,
        pending: null,
        unrecorded: [],
      })
    })
    afterEach(() => database.close())

    /** Ends the session of a transaction, as the death of its process would. */
    async function end(transaction: unknown): Promise<void> {
      const own = transaction as Kysely<unknown>
      const id = engine.name === 'postgres' ? sql`pg_backend_pid()` : sql`connection_id()`
      const { rows } = await sql<{ id: number | string }>`select ${id} as id`.execute(own)
      const session = sql.lit(Number(rows[0]?.id))
      const statement = engine.name === 'postgres' ? sql`select pg_terminate_backend(${session})` : sql`kill ${session}`
      await statement.execute(await database.connect())
    }

    it('is used up by a copy whose session was ended in the middle of it', async () => {
      const versions: bigint[] = []
      const request = { stripes: [STRIPE], epoch: 3, versioned: true }
      const killed = target.copy(request, async ({ transaction, version = 0n }) => {
        versions.push(version)
        await end(transaction)
      })
      await expect(killed).rejects.toThrow()
      await target.copy(request, async ({ version = 0n }) => {
        versions.push(version)
      })
      expect(versions).toHaveLength(2)
      expect(Number(versions[1])).toBeGreaterThan(Number(versions[0]))
    })
  })
})
