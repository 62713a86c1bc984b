import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { OpenDatabase } from '../support/engines.ts'
import { postgres } from '../support/postgres.ts'
import { openProxy, type TcpProxy } from '../support/proxy.ts'
import { type Fleet, openFleet } from '../support/routed-fleet.ts'

const missing = await postgres.missing()
if (missing !== undefined && process.env['CI'] === 'true') throw new Error(`postgres is needed in CI: ${missing}`)

const LEASE_MS = 5_000
/** A machine that is busy with other tests takes its time over everything. */
const SLACK_MS = 1_500
/** Of the three processes the last one hears no notifications. */
const LISTENING = 2

// Twenty processes, ten thousand races and the figures: `npm run bench -- propagation`.
describe.skipIf(missing !== undefined)('a kill in one of three processes', { timeout: 60_000 }, () => {
  let database: OpenDatabase<unknown>
  let proxy: TcpProxy
  let fleet: Fleet
  beforeAll(async () => {
    database = await postgres.open()
    await sql`create table things (id integer primary key)`.execute(database.db)
    const url = new URL(database.url ?? '')
    proxy = await openProxy({ host: url.hostname, port: Number(url.port || 5432) })
    url.hostname = '127.0.0.1'
    url.port = String(proxy.port)
    fleet = await openFleet({ size: 3, url: url.href, listening: LISTENING, leaseMs: LEASE_MS, refreshMs: 4_000 })
  })
  afterAll(async () => {
    await fleet?.close()
    await proxy?.close()
    await database?.close()
  })

  async function rearm(): Promise<void> {
    await fleet.order(1, 'rearm')
    await fleet.until('target', 20_000)
  }

  it('reaches the others by notification, or a little later by looking, and is lifted by a re-arm', async () => {
    for (const killer of [0, 1, 2]) {
      const [began, turns] = await Promise.all([fleet.order(killer, 'kill'), fleet.until('legacy', 20_000)])
      for (const [index, { at, reason }] of turns.entries()) {
        expect(reason).toBe('killed')
        expect(at - began).toBeLessThan((index < LISTENING ? 250 : 2_000) + SLACK_MS)
      }
      await rearm()
    }
  })

  it('is stored and heard although every connection is reset', async () => {
    proxy.cut()
    fleet.tell(0, 'kill')
    const turns = await fleet.until('legacy', 20_000)
    expect(turns.map(({ reason }) => reason)).toEqual(['killed', 'killed', 'killed'])
    await rearm()
  })

  it('is not needed when the store stands still: the lease ends the canary', async () => {
    const began = Date.now()
    proxy.hang()
    fleet.tell(0, 'kill')
    const [own, ...others] = await fleet.until('legacy', 20_000)
    expect(own?.reason).toBe('killed')
    for (const { at, reason } of others) {
      expect(reason).toBe('stale')
      expect(at - began).toBeLessThan(LEASE_MS + 1_000 + SLACK_MS)
    }
  })
})
