import { kyselyCredentials } from '@twinspan/kysely'
import { argon2id, bcrypt, createAdmission, createShadowAuth, type ShadowAuth } from '@twinspan/shadow-auth'
import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Engine, OpenDatabase } from '../support/engines.ts'
import { pglite } from '../support/pglite.ts'
import { postgres } from '../support/postgres.ts'
import { sqlite } from '../support/sqlite.ts'

interface DB {
  readonly members: { readonly id: number; readonly mail: string; readonly hash: string }
}

const LONG = process.env['TWINSPAN_LONG'] === '1'
const USERS = 100

interface Load {
  readonly logins: number
  /** How many of them are under way at once. */
  readonly atOnce: number
  /** How often each user's password is set meanwhile. */
  readonly changes: number
}

const LOADS: readonly Load[] = LONG
  ? [
      { logins: 10_000, atOnce: 10_000, changes: 5 },
      { logins: 10_000, atOnce: 250, changes: 10 },
    ]
  : [{ logins: 1_000, atOnce: 250, changes: 2 }]

/** When a password was set, by one clock. It counts from somewhere in between, until the next one does. */
interface Setting {
  readonly password: string
  readonly startedAt: number
  endedAt: number
}

const missing = await postgres.missing()
const engine: Engine = missing === undefined ? postgres : pglite

describe(`logins while passwords change, SQLite to ${engine.name}`, () => {
  let legacy: OpenDatabase<DB>
  let target: OpenDatabase<DB>
  beforeEach(async () => {
    legacy = await sqlite.open<DB>()
    target = await engine.open<DB>()
    for (const { db } of [legacy, target]) {
      await sql`create table members (id integer primary key, mail varchar(100) unique, hash text)`.execute(db)
    }
    const members = Array.from({ length: USERS }, (_, id) => ({ id, mail: mailOf(id), hash: FIRST }))
    await legacy.db.insertInto('members').values(members).execute()
  })
  const opened: Kysely<DB>[] = []
  afterEach(async () => {
    for (const db of opened.splice(0)) await db.destroy()
    await legacy.close()
    await target.close()
  })

  // Ten thousand logins wait longer for a connection than the pools of other tests allow.
  const connect = async (): Promise<Kysely<DB>> => {
    if (target.url === undefined) return target.connect()
    const pool = new pg.Pool({ connectionString: target.url, max: 10, options: '-c synchronous_commit=off' })
    const db = new Kysely<DB>({ dialect: new PostgresDialect({ pool }) })
    opened.push(db)
    return db
  }

  /** What another process has: connections and a gate of its own, and how much memory its new hashes ask for. */
  const process = async (m: number): Promise<ShadowAuth> => {
    const store = (db: Kysely<DB>) =>
      kyselyCredentials(db, { table: 'members', uid: 'id', login: 'mail', hash: 'hash' })
    return createShadowAuth({
      legacy: store(legacy.db),
      target: store(await connect()),
      hash: argon2id({ m, t: 1 }),
      accepts: [bcrypt()],
      equalise: false,
      admission: createAdmission({ permits: 2, queue: 1e6, perLogin: 1e6, waitMs: 600_000 }),
      timeoutMs: 600_000,
    })
  }

  it.each(LOADS)(
    '$logins logins, $atOnce at once: no update is lost and no old password works',
    { timeout: 600_000 },
    async ({ logins, atOnce, changes }) => {
      // The policy was raised in one of the two: it rehashes what the other one made, while that changes.
      const processes = [await process(64), await process(128)]
      const settings: Setting[][] = Array.from({ length: USERS }, () => [
        { password: passwordOf(0), startedAt: 0, endedAt: 0 },
      ])
      let clock = 0
      const tick = (): number => ++clock
      let done = 0
      let upgraded = 0

      const login = async (turn: number): Promise<void> => {
        const id = turn % USERS
        const known = settings[id] ?? []
        // Mostly the newest password, which may be on its way, and now and then one of those before.
        const password = known.at(turn % 3 === 2 ? -1 - (turn % known.length) : -1)?.password ?? ''
        const startedAt = tick()
        const verdict = await (processes[turn % 2] as ShadowAuth).verifyAndUpgrade(mailOf(id), password)
        judge(settings[id] ?? [], password, startedAt, tick(), verdict.ok ? 'ok' : verdict.reason)
        if (verdict.ok && verdict.upgraded) upgraded++
        done++
      }
      const loginOften = async (from: number): Promise<void> => {
        for (let turn = from; turn < logins; turn += atOnce) await login(turn)
      }
      const change = async (id: number): Promise<void> => {
        const known = settings[id] ?? []
        for (let count = 1; count <= changes; count++) {
          // Evenly over the campaign, so that logins fall before, between and after.
          while (done < ((count - 1 + (id / USERS) * 0.5) / changes) * logins && atOnce < logins) {
            await new Promise((resolve) => setTimeout(resolve, 2))
          }
          const current = known.at(-1)?.password
          const setting = { password: passwordOf(count), startedAt: tick(), endedAt: Number.POSITIVE_INFINITY }
          known.push(setting)
          const auth = processes[(id + count) % 2] as ShadowAuth
          const verdict =
            (id + count) % 3 === 0
              ? await auth.resetPassword(id, setting.password)
              : await auth.changePassword(mailOf(id), current, setting.password)
          expect(verdict, 'a change was lost').toEqual({ ok: true, uid: expect.anything() })
          setting.endedAt = tick()
        }
      }
      await Promise.all([
        ...Array.from({ length: atOnce }, (_, at) => loginOften(at)),
        ...Array.from({ length: USERS }, (_, id) => change(id)),
      ])
      expect(done).toBe(logins)
      expect(upgraded).toBeGreaterThan(0)
      // Of the legacy hash, of what that became, and of each change: each of them once.
      expect(upgraded).toBeLessThanOrEqual(USERS * (changes + 2))

      const [auth] = processes as [ShadowAuth]
      for (let id = 0; id < USERS; id++) {
        for (let count = 0; count <= changes; count++) {
          const verdict = await auth.verifyAndUpgrade(mailOf(id), passwordOf(count))
          expect(verdict.ok, `password ${count} of ${changes}`).toBe(count === changes)
        }
      }
    },
  )
})

/** Whether some moment between the login's beginning and its end explains what it was told. */
function judge(known: readonly Setting[], password: string, startedAt: number, endedAt: number, outcome: string): void {
  const at = known.findIndex((setting) => setting.password === password)
  const [own, next] = [known[at], known[at + 1]]
  if (own === undefined) throw new Error('a password that nobody set')
  if (outcome === 'ok') {
    expect(own.startedAt, 'a password that was not set yet').toBeLessThan(endedAt)
    expect(next === undefined || next.endedAt > startedAt, 'an old password works').toBe(true)
    return
  }
  expect(outcome).toBe('invalid')
  const current = own.endedAt < startedAt && (next === undefined || next.startedAt > endedAt)
  expect(current, 'the right password is refused').toBe(false)
}

// A published vector of crypt_blowfish, for the password U*U.
const FIRST = '$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'

function passwordOf(count: number): string {
  return count === 0 ? 'U*U' : `password ${count}`
}

function mailOf(id: number): string {
  return `user-${id}@example.org`
}
