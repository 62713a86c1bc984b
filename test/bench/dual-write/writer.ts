// Writes into the table of the keep-up measurement at a steady rate, in a process of its own: run by `measureKeepUp`.
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { ROWS } from './load.ts'

/** Rows that one statement changes: the rate is of rows, and the machine that is measured runs the writer too. */
const AT_ONCE = 10

const { url, perSecond, seconds } = JSON.parse(process.argv[2] ?? '') as {
  readonly url: string
  readonly perSecond: number
  readonly seconds: number
}
const client = new pg.Client({ connectionString: url })
await client.connect()
const began = performance.now()
let written = 0
while (performance.now() - began < seconds * 1_000) {
  const due = ((performance.now() - began) / 1_000) * perSecond
  while (written < due) {
    // In order: two statements that meet the same rows in different orders would wait for each other for ever.
    const ids = Array.from({ length: AT_ONCE }, () => 1 + Math.floor(Math.random() * ROWS)).sort((a, b) => a - b)
    const { rowCount } = await client.query('update ours_keepup set balance = balance + 1 where id = any($1)', [ids])
    written += rowCount ?? 0
  }
  await sleep(1)
}
await client.end()
process.send?.(written)
process.disconnect?.()
