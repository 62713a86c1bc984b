import { kyselyCredentials } from '@twinspan/kysely'
import {
  argon2id,
  bcrypt,
  createShadowAuth,
  phpass,
  remaining,
  type ShadowAuth,
  type ShadowAuthOptions,
  type WrapProgress,
  wrapInactive,
} from '@twinspan/shadow-auth'
import { type Kysely, sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { OpenDatabase } from '../support/engines.ts'
import { pglite } from '../support/pglite.ts'
import { sqlite } from '../support/sqlite.ts'

interface LegacyDB {
  readonly members: {
    readonly member_no: number
    readonly mail: string
    readonly passwd: string
    readonly banned: number
  }
}

interface TargetDB {
  readonly users: { readonly id: string; readonly email: string }
  readonly credentials: { readonly user_id: string; readonly hash: string }
}

// What PHP, WordPress and Python wrote for these passwords; the last two are published vectors of hashcat and Kratos.
const MEMBERS = [
  {
    member_no: 1,
    mail: 'Ann@Example.org',
    passwd: '$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',
    banned: 0,
  },
  { member_no: 2, mail: 'bob@example.org', passwd: '$P$984478476IagS59wHZvyQMArzfx58u.', banned: 0 },
  {
    member_no: 3,
    mail: 'eve@example.org',
    passwd: '$2a$12$o6hx.Wog/wvFSkT/Bp/6DOxCtLRTDj7lm9on9suF/WaCGNVHbkfL6',
    banned: 1,
  },
] as const

const CHEAP = { m: 64, t: 1 }

describe('logins from SQLite to PGlite', () => {
  let legacy: OpenDatabase<LegacyDB>
  let target: OpenDatabase<TargetDB>

  beforeEach(async () => {
    legacy = await sqlite.open<LegacyDB>()
    target = await pglite.open<TargetDB>()
    await sql`create table members (member_no integer primary key, mail text collate nocase unique, passwd text, banned integer)`.execute(
      legacy.db,
    )
    await sql`create table users (id bigint primary key, email text not null unique)`.execute(target.db)
    await sql`create table credentials (user_id bigint primary key references users, hash text not null)`.execute(
      target.db,
    )
    await legacy.db.insertInto('members').values(MEMBERS).execute()
    for (const { member_no, mail } of MEMBERS.slice(0, 2)) await mirror(target.db, member_no, mail)
  })
  afterEach(async () => {
    await legacy.close()
    await target.close()
  })

  const process = (): ShadowAuth => createShadowAuth(options())
  const options = (): ShadowAuthOptions => ({
    legacy: kyselyCredentials(legacy.db, {
      table: 'members',
      uid: 'member_no',
      login: 'mail',
      hash: 'passwd',
      locked: 'banned',
    }),
    target: kyselyCredentials(target.db, {
      table: 'credentials',
      uid: 'user_id',
      hash: 'hash',
      identities: { table: 'users', uid: 'id' },
      login: 'email',
      normaliseLogin: (login) => login.toLowerCase(),
    }),
    hash: argon2id(CHEAP),
    accepts: [bcrypt(), phpass()],
  })
  const hashes = () => target.db.selectFrom('credentials').selectAll().orderBy('user_id').execute()

  it('moves each user at the first login, and other processes see it', async () => {
    const [one, two] = [process(), process()]
    expect(await one.verifyAndUpgrade('ann@example.org', 'U*U')).toMatchObject({
      ok: true,
      via: 'legacy',
      upgraded: true,
    })
    expect(await two.verifyAndUpgrade('ANN@example.org', 'U*U')).toMatchObject({
      ok: true,
      via: 'target',
      upgraded: false,
    })
    expect(await two.verifyAndUpgrade('bob@example.org', 'hashcat')).toMatchObject({
      ok: true,
      via: 'legacy',
      upgraded: true,
    })
    const stored = (await hashes()).map(({ hash }) => hash.replace(/[^$]+\$[^$]+$/, ''))
    expect(stored).toEqual(Array(2).fill('$argon2id$v=19$m=64,t=1,p=1$'))
    expect(await one.verifyAndUpgrade('eve@example.org', 'test')).toEqual({ ok: false, reason: 'locked' })
  })

  it('upgrades once when one user logs in from everywhere at once', async () => {
    const processes = [process(), process(), process()].flatMap((one) => [one, one, one, one])
    const verdicts = await Promise.all(processes.map((one) => one.verifyAndUpgrade('ann@example.org', 'U*U')))
    expect(verdicts.every(({ ok }) => ok)).toBe(true)
    expect(verdicts.filter((verdict) => verdict.ok && verdict.upgraded)).toHaveLength(1)
    expect(await hashes()).toHaveLength(1)
  })

  it('lets a user in whose row the mirror has not copied yet, and upgrades the next time', async () => {
    const auth = process()
    await legacy.db
      .insertInto('members')
      .values({ ...MEMBERS[0], member_no: 4, mail: 'new@example.org' })
      .execute()
    expect(await auth.verifyAndUpgrade('new@example.org', 'U*U')).toMatchObject({
      ok: true,
      via: 'legacy',
      upgraded: false,
    })
    await mirror(target.db, 4, 'new@example.org')
    expect(await auth.verifyAndUpgrade('new@example.org', 'U*U')).toMatchObject({
      ok: true,
      via: 'legacy',
      upgraded: true,
    })
  })

  it('notices a password that was changed in legacy, and follows it', async () => {
    const auth = process()
    await auth.verifyAndUpgrade('bob@example.org', 'hashcat')
    await legacy.db.updateTable('members').set({ passwd: MEMBERS[0].passwd }).where('member_no', '=', 2).execute()
    expect(await auth.verifyAndUpgrade('bob@example.org', 'hashcat')).toEqual({ ok: false, reason: 'invalid' })
    expect(await auth.verifyAndUpgrade('bob@example.org', 'U*U')).toMatchObject({ via: 'legacy', upgraded: true })
    expect(await process().verifyAndUpgrade('bob@example.org', 'U*U')).toMatchObject({ via: 'target' })
  })

  it('wraps the hashes of those who do not log in, page by page, and needs the old ones no more', async () => {
    await process().verifyAndUpgrade('ann@example.org', 'U*U')
    await mirror(target.db, 3, 'eve@example.org')
    await legacy.db
      .insertInto('members')
      .values({ ...MEMBERS[0], member_no: 4, mail: 'not-copied@example.org' })
      .execute()
    const job = { maxShare: 1, pageSize: 2 }
    let last: WrapProgress | undefined
    for await (const progress of wrapInactive(options(), job)) {
      last = progress
      if (progress.wrapped === 1) break
    }
    const { after } = last as WrapProgress
    for await (const progress of wrapInactive(options(), { ...job, after })) last = progress
    // Whose row the mirror has not copied cannot have a password there.
    expect(last).toMatchObject({ after: 4, seen: 2, wrapped: 1, lost: 1 })
    expect(await remaining(options(), job)).toEqual({
      users: 4,
      migrated: 1,
      wrapped: 2,
      without: 0,
      remaining: { bcrypt: 1 },
    })
    await sql`update members set passwd = null`.execute(legacy.db)
    const auth = process()
    expect(await auth.verifyAndUpgrade('bob@example.org', '984478476IagS59wHZvyQMArzfx58u.')).toMatchObject({
      ok: false,
    })
    for (const upgraded of [true, false]) {
      expect(await auth.verifyAndUpgrade('bob@example.org', 'hashcat')).toMatchObject({ ok: true, upgraded })
    }
    expect(await auth.verifyAndUpgrade('eve@example.org', 'test')).toEqual({ ok: false, reason: 'locked' })
    expect(await remaining(options(), job)).toMatchObject({ migrated: 2, wrapped: 1, without: 1, remaining: {} })
  })

  it('closes the bridge while legacy is frozen, and keeps it closed when the target fails', async () => {
    const auth = process()
    await freeze(legacy.db)
    expect(await auth.verifyAndUpgrade('ann@example.org', 'U*U')).toMatchObject({ ok: true, upgraded: true })
    expect(await auth.findForReset('bob@example.org')).toMatchObject({ ok: true, uid: 2, via: 'target' })
    expect(await auth.resetPassword(2, 'new password')).toEqual({ ok: true, uid: 2 })
    expect(await auth.verifyAndUpgrade('bob@example.org', 'hashcat')).toEqual({ ok: false, reason: 'invalid' })
    expect(await auth.verifyAndUpgrade('bob@example.org', 'new password')).toMatchObject({ ok: true, via: 'target' })
    await sql`drop table credentials`.execute(target.db)
    for (const [login, password] of [
      ['bob@example.org', 'hashcat'],
      ['ann@example.org', 'U*U'],
    ]) {
      expect(await process().verifyAndUpgrade(login, password)).toEqual({ ok: false, reason: 'unavailable' })
    }
  })
})

async function mirror(db: Kysely<TargetDB>, id: number, mail: string): Promise<void> {
  await db
    .insertInto('users')
    .values({ id: String(id), email: mail.toLowerCase() })
    .execute()
}

async function freeze(db: Kysely<LegacyDB>): Promise<void> {
  for (const event of ['insert', 'update', 'delete']) {
    await sql`create trigger ${sql.id(`frozen_${event}`)} before ${sql.raw(event)} on members begin select raise(abort, 'frozen'); end`.execute(
      db,
    )
  }
}
