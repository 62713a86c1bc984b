/** A process with users who write through the wrapped repository, and a mirror: `node users.ts <orders>`. */
import { setTimeout as wait } from 'node:timers/promises'
import { createMirror, dualWrite, write } from '@twinspan/dual-write'
import type { Kysely } from 'kysely'
import { type Effect, now, tell } from '../messages.ts'
import { generator } from '../random.ts'
import type { UserCommand, UserOrders } from './messages.ts'
import { LEGACY_SHAPE, openWorld, type Records, STEP, TARGET_SHAPE, TableRecords } from './records.ts'

process.on('disconnect', () => process.exit(0))

const orders = JSON.parse(process.argv[2] ?? '') as UserOrders
const { migration, records, legacyDb, targetDb } = openWorld(orders, orders.mapping)
const repository: Records = dualWrite<Records>(migration, records, {
  legacy: (db: Kysely<unknown>) => new TableRecords(db, LEGACY_SHAPE),
  target: (db: Kysely<unknown>) => new TableRecords(db, TARGET_SHAPE),
  operations: {
    put: write({ key: (key) => key }),
    remove: write({ key: (key) => key }),
    replace: write({ key: (key) => key }),
  },
})
const mirror = createMirror(migration, { pollMs: 50 })
let running = true
let calls = 0
/** Where the backfill is at work. */
let chunk = { after: 0, rows: 500 }

/** A user writes keys of its own, one after the other, so that the larger number is always the newer row. */
async function user(number: number): Promise<void> {
  const random = generator(orders.seed, `user ${number}`)
  const turns = Math.floor(orders.lastKey / orders.ofAll)
  while (running) {
    // Two of three write where the backfill is at this moment, or will be in the next.
    const near = chunk.after + random(Math.max(2, 2 * chunk.rows * STEP))
    const place = random(3) > 0 ? Math.floor(near / orders.ofAll) % turns : random(turns)
    await act(place * orders.ofAll + number, random(10))
    await wait(random(orders.pauseMs))
  }
}

async function act(key: number, choice: number): Promise<void> {
  const value = `${process.hrtime.bigint()}.user`
  const effect: Effect = [key, choice < 4 ? null : value]
  const id = calls++
  await tell({ type: 'begin', id, at: now(), possible: [effect] })
  try {
    if (choice < 4) await repository.remove(key)
    else if (choice < 6) await repository.replace(key, value)
    else await repository.put(key, value)
    await tell({ type: 'end', id, at: now(), effects: [effect] })
  } catch (error) {
    await tell({ type: 'error', id, at: now(), error: String(error) })
  }
}

await migration.start()
mirror.start()
const users = Array.from({ length: orders.users }, (_, at) => user(orders.first + at))
process.on('message', (command: UserCommand) => {
  if (command === 'stop') void stop()
  else chunk = command
})
await tell({ type: 'ready' })

async function stop(): Promise<void> {
  running = false
  await Promise.all(users)
  await migration.stop()
  await Promise.all([legacyDb.destroy(), targetDb.destroy()])
  process.exit(0)
}
