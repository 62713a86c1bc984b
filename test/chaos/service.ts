/**
 * One process of the service under test: `node service.ts <legacy url> <target url> <seed>`. Writes random keys through the
 * wrapper as fast as four users would, mirrors, and tells its parent of each write before it begins and after it ended.
 */
import { createMirror, dualWrite, write } from '@twinspan/dual-write'
import { type Kysely, sql } from 'kysely'
import { COLD_KEYS, HOT_KEYS, type LegacyTables, openWorld, type TargetTables } from './world.ts'

const [legacyUrl = '', targetUrl = '', seed = '0'] = process.argv.slice(2)
const { migration, things, legacyDb, targetDb } = openWorld(legacyUrl, targetUrl)

interface Things {
  put(key: number, value: string): Promise<void>
  remove(key: number): Promise<void>
}

class LegacyThings implements Things {
  readonly #db: Kysely<LegacyTables>
  constructor(db: Kysely<LegacyTables>) {
    this.#db = db
  }
  async put(thing_id: number, txt: string): Promise<void> {
    const insert = this.#db.insertInto('things').values({ thing_id, txt })
    const upsert = legacyUrl.startsWith('mysql')
      ? insert.onDuplicateKeyUpdate({ txt })
      : insert.onConflict((on) => on.column('thing_id').doUpdateSet({ txt }))
    await upsert.execute()
  }
  async remove(key: number): Promise<void> {
    await this.#db.deleteFrom('things').where('thing_id', '=', key).execute()
  }
}

class TargetThings implements Things {
  readonly #db: Kysely<TargetTables>
  constructor(db: Kysely<TargetTables>) {
    this.#db = db
  }
  async put(id: number, label: string): Promise<void> {
    await sql`insert into items (id, label) values (${id}, ${label}) on conflict (id) do update set label = excluded.label`.execute(
      this.#db,
    )
  }
  async remove(key: number): Promise<void> {
    await this.#db.deleteFrom('items').where('id', '=', key).execute()
  }
}

let state = Number(seed) || 1
function random(below: number): number {
  // xorshift32: the campaign is told by its seed.
  state ^= state << 13
  state ^= state >>> 17
  state ^= state << 5
  return (state >>> 0) % below
}

const things_: Things = dualWrite<Things>(migration, things, {
  legacy: new LegacyThings(legacyDb),
  target: new TargetThings(targetDb),
  operations: { put: write({ key: (key) => key }), remove: write({ key: (key) => key }) },
})
const mirror = createMirror(migration, { pollMs: 50, timeoutMs: 3_000, firstPauseMs: 50, longestPauseMs: 1_000 })

// A database that is restarted or a switch in progress makes the start fail; a supervisor would try again as well.
for (let tries = 1; ; tries++) {
  try {
    await migration.start()
    break
  } catch (error) {
    if (tries === 20) throw error
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}
mirror.start()

let stopping = false
let counter = 0
const tell = (message: object): void => void process.send?.(message)

async function user(name: string): Promise<void> {
  while (!stopping) {
    const key = random(2) === 0 ? random(HOT_KEYS) : HOT_KEYS + random(COLD_KEYS)
    const value = random(5) === 0 ? null : `${process.pid}-${name}-${++counter}`
    const id = `${process.pid}-${name}-${counter}-${value === null}-${process.hrtime.bigint()}`
    tell({ type: 'begin', id, key, value, at: String(process.hrtime.bigint()) })
    try {
      if (value === null) await things_.remove(key)
      else await things_.put(key, value)
      tell({ type: 'end', id, at: String(process.hrtime.bigint()) })
    } catch (error) {
      tell({ type: 'error', id, error: error instanceof Error ? error.name : 'unknown' })
    }
    await new Promise((resolve) => setTimeout(resolve, random(6)))
  }
}

const users = ['a', 'b', 'c', 'd'].map(user)
process.on('message', (message) => {
  if (message === 'stop') void stop()
})
tell({ type: 'ready' })

async function stop(): Promise<void> {
  stopping = true
  await Promise.all(users)
  await migration.stop()
  process.exit(0)
}
