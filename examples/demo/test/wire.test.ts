import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'
import { PGlite } from '@electric-sql/pglite'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serveWire } from '../src/target/wire.ts'

let db: PGlite
let server: Server
let pool: pg.Pool

beforeAll(async () => {
  db = await PGlite.create()
  await db.exec('create table counter (id int primary key, n int not null); insert into counter values (1, 0)')
  server = serveWire(db, { idleInTransactionMs: 300 })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  pool = new pg.Pool({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, user: 'postgres', max: 6 })
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
})
afterAll(async () => {
  await pool.end()
  server.close()
  await db.close()
})

const counted = async (): Promise<number> => (await pool.query('select n from counter')).rows[0].n

describe('a PGlite behind the wire protocol', () => {
  it('gives each of many clients the answer to its own question', async () => {
    const questions = Array.from({ length: 300 }, async (_, index) => {
      const { rows } =
        index % 2 === 0
          ? await pool.query('select $1::int as a, 1 as b', [index])
          : await pool.query("select $1::text as a, $2::int as c, 'x' as d", [`${index}`, index])
      expect(rows).toEqual([index % 2 === 0 ? { a: index, b: 1 } : { a: `${index}`, c: index, d: 'x' }])
    })
    await Promise.all(questions)
  })

  it('runs transactions one after the other, errors and rollbacks included', async () => {
    const before = await counted()
    const transactions = Array.from({ length: 60 }, async (_, index) => {
      const client = await pool.connect()
      try {
        await client.query('begin')
        const { rows } = await client.query('select n from counter where id = $1', [1])
        await client.query('update counter set n = $1', [rows[0].n + 1])
        if (index % 3 === 0) await client.query('select 1 / $1::int', [0])
        await client.query('commit')
      } catch {
        await client.query('rollback')
      } finally {
        client.release()
      }
    })
    await Promise.all(transactions)
    expect(await counted()).toBe(before + 40)
  })

  it('rolls back what a client that disappears had open', async () => {
    const before = await counted()
    const client = await pool.connect()
    await client.query('begin')
    await client.query('update counter set n = n + 1')
    client.release(true)
    expect(await counted()).toBe(before)
  })

  it('ends a client that keeps a transaction open without a word', async () => {
    const before = await counted()
    const client = await pool.connect()
    await client.query('begin')
    await client.query('update counter set n = n + 1')
    expect(await counted()).toBe(before)
    client.release(true)
  })
})
