import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { PGlite } from '@electric-sql/pglite'
import { expect, it } from 'vitest'
import { openTargetPool } from '../src/target/pool.ts'
import { serveWire } from '../src/target/wire.ts'

it('does not hand on a connection whose begin was given up', async () => {
  const db = await PGlite.create()
  const server = serveWire(db, { idleInTransactionMs: 10_000 })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `postgres://postgres@127.0.0.1:${(server.address() as AddressInfo).port}/postgres`
  const holders = openTargetPool(url, { max: 1, queryTimeoutMs: 5_000 })
  const pool = openTargetPool(url, { max: 1, queryTimeoutMs: 200 })
  try {
    await pool.query('create table t (id int primary key)')
    const holder = await holders.connect()
    await holder.query('begin')
    const client = await pool.connect()
    await expect(client.query('begin')).rejects.toThrow('Query read timeout')
    client.release()
    await holder.query('commit')
    holder.release()
    await pool.query('insert into t values (1)')
    await pool.end()
    await sleep(50)
    expect((await holders.query('select id from t')).rows).toEqual([{ id: 1 }])
  } finally {
    await holders.end()
    server.close()
    await db.close()
  }
})
