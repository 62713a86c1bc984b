/** One process of a service whose primary is switched under its users: `node process.ts <orders>`. Started by fleet.ts. */
import { setTimeout as sleep } from 'node:timers/promises'
import { createMirror, dualWrite, write } from '@twinspan/dual-write'
import { type Changes, LegacyChanges, TargetChanges } from './accounts.ts'
import type { Command, Made, News, Orders } from './messages.ts'
import { openMigration } from './migration.ts'

const orders = JSON.parse(process.argv[2] ?? 'null') as Orders
process.on('disconnect', () => process.exit(0))

const { migration, users, legacyDb, targetDb } = openMigration(orders)
await migration.start()
const mirror = createMirror(migration)
mirror.start()
const changes: Changes = dualWrite(migration, users, {
  legacy: new LegacyChanges(legacyDb),
  target: new TargetChanges(targetDb),
  operations: {
    create: write({ key: (_op, created) => created.id }),
    award: write({ key: (_op, id) => id }),
    remove: write({ key: (_op, id) => id }),
  },
})

const made: Made[] = []
const errors: string[] = []
const expected = new Map<number, number>()
let running = true
let working: readonly Promise<void>[] = []

/** Users have accounts of their own, so that what they were told is what must be there. */
function accountsOf(user: number): number[] {
  const everybody = orders.processes * orders.users
  const first = 1 + orders.index * orders.users + user
  const own: number[] = []
  for (let id = first; id <= orders.seeded; id += everybody) own.push(id)
  return own
}

/** Every change touches a row: one that finds none is no write, and no trigger sees it. */
async function act(own: number[], turn: number, op: string): Promise<void> {
  const id = own[turn % own.length] as number
  if (turn % 5 === 3) {
    const created = await changes.create(op)
    expected.set(created.id, 0)
    own.push(created.id)
  } else if (turn % 50 === 49) {
    await changes.remove(op, id)
    expected.delete(id)
    own.splice(own.indexOf(id), 1)
  } else {
    await changes.award(op, id)
    const points = expected.get(id)
    if (points !== undefined) expected.set(id, points + 1)
  }
}

async function use(user: number): Promise<void> {
  const own = accountsOf(user)
  for (const id of own) expected.set(id, 0)
  const everyMs = (1_000 * orders.users) / orders.rate
  await sleep(Math.random() * everyMs)
  for (let turn = 0; running; turn++) {
    const op = `p${orders.index}-u${user}-${turn}`
    const sentAt = Date.now()
    const began = performance.now()
    try {
      await act(own, turn, op)
      made.push([op, sentAt, performance.now() - began])
    } catch (error) {
      errors.push(`${op}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
    }
    await sleep(Math.max(0, everyMs - (performance.now() - began)))
  }
}

process.on('message', (command: Command) => {
  if (command === 'begin') working = Array.from({ length: orders.users }, (_, user) => use(user))
  else void end()
})
tell({ type: 'ready' })

async function end(): Promise<void> {
  running = false
  await Promise.all(working)
  await mirror.stop()
  await migration.stop()
  // Long, and on its way until it was taken.
  tell({ type: 'ended', made, errors, expected: [...expected] }, () => process.exit(0))
}

function tell(news: News, told: () => void = () => {}): void {
  process.send?.(news, told)
}
