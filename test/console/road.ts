import { createMigration, defineEntity, type Entity, type Migration } from '@twinspan/core'
import { type Cutover, createCutover } from '@twinspan/cutover'
import { createMirror, dualWrite, type Mirror, read, write } from '@twinspan/dual-write'
import { kyselyCredentials, kyselySide } from '@twinspan/kysely'
import { createRouter, guardRouter, type Router } from '@twinspan/router'
import { argon2id, bcrypt, createShadowAuth, phpass, remaining, type ShadowAuthOptions } from '@twinspan/shadow-auth'
import { type Generated, type Kysely, sql } from 'kysely'
import type { Engine, OpenDatabase } from '../support/engines.ts'

interface LegacyDB {
  members: { member_id: number; mail: string; name: string; points: number; passwd: Generated<string> }
}

interface TargetDB {
  users: { id: number; email: string; name: string; points: number }
  credentials: { user_id: number; hash: string }
}

interface Member {
  readonly id: number
  readonly name: string
  readonly points: number
}

interface Members {
  find(id: number): Promise<Member | undefined>
  award(id: number): Promise<void>
}

export const HOSTILE = '<img src=x onerror="document.title=\'pwned\'">'
const TURNED = '\u202Eevil\u2066'
const LONG = 'w'.repeat(1_000_000)

/** Published test vectors: bcrypt as PHP writes it, and phpass. */
const HASHES = ['$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW', '$P$984478476IagS59wHZvyQMArzfx58u.']
const PASSWORDS = ['U*U', 'hashcat']

/** A service in the middle of moving its members, with people who use it: everything that a console shows is there. */
export interface Road {
  readonly migration: Migration
  readonly users: Entity
  readonly mirror: Mirror
  readonly router: Router
  readonly cutover: Cutover
  /** What the users of the service were told that is no answer. */
  readonly errors: readonly unknown[]
  /** How many reads and writes they have done. */
  readonly done: number
  /** Whether the target's repository fails. */
  fault: boolean
  /** Some members log in, and everybody who has not moved is counted. */
  logIn(): Promise<void>
  /** Changes some rows of the target behind everybody's back. */
  spoil(): Promise<void>
  close(): Promise<void>
}

export async function openRoad(from: Engine, to: Engine, rows: number, version: string): Promise<Road> {
  const legacy = await from.open<LegacyDB>()
  const target = await to.open<TargetDB>()
  await createTables(legacy, target, from.name)
  await fill(legacy.db, rows)

  const sides = { legacy: kyselySide(legacy.db), target: kyselySide(target.db) }
  const users = defineEntity({
    name: 'users',
    legacy: sides.legacy.table('members', { key: 'member_id' }),
    target: sides.target.table('users', { key: 'id' }),
    toTarget: ({ member_id, mail, name, points }) => ({ id: member_id, email: mail, name, points }),
    toLegacy: ({ id, email, name, points }) => ({ member_id: id, mail: email, name, points }),
  })
  const take = (instance: string): Migration =>
    createMigration({
      name: 'members',
      ...sides,
      entities: [users],
      instance,
      version: instance === 'web-1' ? '2.8.1' : version,
      refreshMs: 100,
      // A machine that does other things besides is no outage.
      timeoutMs: 20_000,
      leaseMs: 30_000,
    })
  const migration = take('web-1')
  const other = take('web-2')
  await migration.start()
  await other.start()
  const router = createRouter(migration, { unit: 'member', steps: [5, 25, 100], refreshMs: 100 })
  await router.start()
  guardRouter(migration, router, { tickMs: 200, settleMs: 0, oncePerMs: 1_000, latency: { slackMs: 1_000 } })
  const mirror = createMirror(migration, { pollMs: 50, firstPauseMs: 100, longestPauseMs: 500 })
  mirror.start()

  const faulty = new TargetMembers(target.db)
  const members = dualWrite<Members>(migration, users, {
    legacy: new LegacyMembers(legacy.db),
    target: faulty,
    operations: { find: read({ key: (id) => id }), award: write({ key: (id) => id }) },
    router,
    shadowRate: 0.5,
    recheckMs: 100,
  })
  const traffic = startTraffic(migration, members, rows)
  const credentials = authOf(legacy.db, target.db, migration)
  const auth = createShadowAuth(credentials)

  return {
    migration,
    users: users as Entity,
    mirror,
    router,
    cutover: createCutover(migration, { drain: () => mirror.drain() }),
    errors: traffic.errors,
    get done() {
      return traffic.done
    },
    get fault() {
      return faulty.fault
    },
    set fault(fault) {
      faulty.fault = fault
    },
    async logIn() {
      for (let member = 10; member < 20; member++) {
        await auth.verifyAndUpgrade(`m${member}@example.org`, PASSWORDS[member % 2])
      }
      await auth.verifyAndUpgrade('m10@example.org', 'wrong')
      await remaining(credentials, { maxShare: 1 })
    },
    async spoil() {
      await target.db
        .updateTable('users')
        .set({ points: -1 })
        .where('id', 'in', [rows - 1, rows])
        .execute()
      await target.db
        .updateTable('users')
        .set({ name: HOSTILE })
        .where('id', '=', rows - 2)
        .execute()
    },
    async close() {
      await traffic.stop()
      await other.stop()
      await migration.stop()
      await legacy.close()
      await target.close()
    },
  }
}

async function createTables(legacy: OpenDatabase<LegacyDB>, target: OpenDatabase<TargetDB>, engine: Engine['name']) {
  const [key, text, long] =
    engine === 'mariadb'
      ? ['integer auto_increment primary key', 'varchar(190)', 'longtext']
      : ['integer primary key autoincrement', 'text', 'text']
  await sql
    .raw(
      `create table members (member_id ${key}, mail ${text} not null unique, name ${long} not null, points integer not null, passwd ${text} not null default '')`,
    )
    .execute(legacy.db)
  await sql
    .raw(
      'create table users (id integer generated by default as identity primary key, email text not null unique, name text not null, points integer not null)',
    )
    .execute(target.db)
  await sql
    .raw('create table credentials (user_id integer primary key references users, hash text not null)')
    .execute(target.db)
}

/** Members of all sorts; the names of three are made to do harm. */
async function fill(db: Kysely<LegacyDB>, rows: number): Promise<void> {
  const names = [HOSTILE, TURNED, LONG]
  for (let first = 0; first < rows; first += 500) {
    const members = Array.from({ length: Math.min(500, rows - first) }, (_, at) => ({
      member_id: first + at + 1,
      mail: `m${first + at + 1}@example.org`,
      name: names[first + at] ?? `Member ${first + at + 1}`,
      points: 0,
      passwd: HASHES[(first + at + 1) % 2] ?? '',
    }))
    await db.insertInto('members').values(members).execute()
  }
}

class LegacyMembers implements Members {
  readonly #db: Kysely<LegacyDB>
  constructor(db: Kysely<LegacyDB>) {
    this.#db = db
  }

  async find(id: number): Promise<Member | undefined> {
    return this.#db
      .selectFrom('members')
      .select(['member_id as id', 'name', 'points'])
      .where('member_id', '=', id)
      .executeTakeFirst()
  }

  async award(id: number): Promise<void> {
    await this.#db
      .updateTable('members')
      .set((eb) => ({ points: eb('points', '+', 1) }))
      .where('member_id', '=', id)
      .execute()
  }
}

class TargetMembers implements Members {
  readonly #db: Kysely<TargetDB>
  fault = false
  constructor(db: Kysely<TargetDB>) {
    this.#db = db
  }

  async find(id: number): Promise<Member | undefined> {
    if (this.fault) throw new TypeError(`Cannot read properties of null (reading '${HOSTILE}')`)
    return this.#db.selectFrom('users').select(['id', 'name', 'points']).where('id', '=', id).executeTakeFirst()
  }

  async award(id: number): Promise<void> {
    await this.#db
      .updateTable('users')
      .set((eb) => ({ points: eb('points', '+', 1) }))
      .where('id', '=', id)
      .execute()
  }
}

function authOf(legacy: Kysely<LegacyDB>, target: Kysely<TargetDB>, { events }: Migration): ShadowAuthOptions {
  return {
    legacy: kyselyCredentials(legacy, { table: 'members', uid: 'member_id', login: 'mail', hash: 'passwd' }),
    target: kyselyCredentials(target, {
      table: 'credentials',
      uid: 'user_id',
      hash: 'hash',
      identities: { table: 'users', uid: 'id' },
      login: 'email',
    }),
    hash: argon2id({ m: 64, t: 1 }),
    accepts: [bcrypt(), phpass()],
    equalise: false,
    telemetry: events,
  }
}

interface Traffic {
  readonly errors: readonly unknown[]
  readonly done: number
  stop(): Promise<void>
}

/** Four visitors, who read and now and then write, each on behalf of one member after the other. */
function startTraffic(migration: Migration, members: Members, rows: number): Traffic {
  const errors: unknown[] = []
  let [running, done] = [true, 0]
  const visitors = Array.from({ length: 4 }, async (_, visitor) => {
    for (let turn = visitor; running; turn += 4) {
      // Not the first, whose names are long, and not the last, which somebody spoils.
      const id = 4 + ((turn * 7) % (rows - 10))
      const act: () => Promise<unknown> = turn % 6 === 0 ? () => members.award(id) : () => members.find(id)
      await migration.run(act, { unit: String(id) }).then(
        () => done++,
        (error: unknown) => errors.push(error),
      )
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  })
  return {
    errors,
    get done() {
      return done
    },
    async stop() {
      running = false
      await Promise.all(visitors)
    },
  }
}
