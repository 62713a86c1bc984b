// A user of legacy, in a process of its own: reads a row by its key so many times a second, whether or not the reads before it
// have come back. Told `begin` it starts to count, told `end` it sends how long each read took.
import { setTimeout as sleep } from 'node:timers/promises'
import { createPool } from 'mysql2/promise'
import pg from 'pg'

export interface ReaderOrders {
  readonly engine: 'postgres' | 'mariadb'
  readonly url: string
  readonly rows: number
  readonly perSecond: number
}

const { engine, url, rows, perSecond } = JSON.parse(process.argv[2] ?? '') as ReaderOrders
const CONNECTIONS = 4

const { read, end } = engine === 'postgres' ? await onPostgres() : await onMariadb()
let took: number[] = []
let stopped = false
process.on('message', (order: 'begin' | 'end' | 'stop') => {
  if (order === 'begin') took = []
  else if (order === 'end') process.send?.(took)
  else stopped = true
})
process.send?.('ready')

const began = performance.now()
for (let count = 0; !stopped; ) {
  const due = Math.floor(((performance.now() - began) / 1_000) * perSecond)
  if (due - count > perSecond) count = due
  for (; count < due; count++) void measured()
  await sleep(1)
}
await end()
process.disconnect?.()

async function measured(): Promise<void> {
  const asked = performance.now()
  await read(1 + Math.floor(Math.random() * rows))
  took.push(performance.now() - asked)
}

async function onPostgres(): Promise<{ read(id: number): Promise<unknown>; end(): Promise<void> }> {
  const pool = new pg.Pool({ connectionString: url, max: CONNECTIONS, min: CONNECTIONS })
  return {
    read: (id) => pool.query({ name: 'read', text: 'select * from accounts where id = $1', values: [id] }),
    end: () => pool.end(),
  }
}

async function onMariadb(): Promise<{ read(id: number): Promise<unknown>; end(): Promise<void> }> {
  const pool = createPool({ uri: url, connectionLimit: CONNECTIONS })
  return { read: (id) => pool.execute('select * from accounts where id = ?', [id]), end: () => pool.end() }
}
