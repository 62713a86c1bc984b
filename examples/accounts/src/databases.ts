import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { Kysely, SqliteDialect, sql } from 'kysely'

/** The old system's table, hashes of three generations in it. */
export interface LegacyDB {
  readonly members: {
    readonly member_id: number
    readonly mail: string
    readonly name: string
    readonly passwd: string | null
    readonly banned: number
  }
}

/** The new system's. `users` is a mirrored copy; what belongs to logins is in tables of its own. */
export interface TargetDB {
  readonly users: { readonly id: number; readonly email: string; readonly name: string; readonly banned: number }
  readonly credentials: { readonly user_id: number; readonly hash: string }
  readonly sessions: {
    readonly id: string
    readonly user_id: number | null
    readonly data: string
    readonly expires_at: number
  }
  readonly reset_tokens: {
    readonly digest: string
    readonly user_id: number
    readonly expires_at: number
    readonly claimed: number
  }
}

export interface Databases {
  readonly legacy: Kysely<LegacyDB>
  readonly target: Kysely<TargetDB>
  close(): Promise<void>
}

/** Opens both, and creates their tables where they are missing. */
export async function openDatabases(directory: string): Promise<Databases> {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const open = <DB>(name: string): Kysely<DB> => {
    const database = new SqliteDatabase(join(directory, name))
    database.pragma('journal_mode = WAL')
    return new Kysely<DB>({ dialect: new SqliteDialect({ database }) })
  }
  const legacy = open<LegacyDB>('legacy.db')
  const target = open<TargetDB>('target.db')
  for (const statement of LEGACY_TABLES) await sql.raw(statement).execute(legacy)
  for (const statement of TARGET_TABLES) await sql.raw(statement).execute(target)
  return {
    legacy,
    target,
    async close() {
      await Promise.all([legacy.destroy(), target.destroy()])
    },
  }
}

const LEGACY_TABLES = [
  `create table if not exists members (
    member_id integer primary key, mail text not null collate nocase unique, name text not null, passwd text,
    banned integer not null default 0
  )`,
]

const TARGET_TABLES = [
  `create table if not exists users (
    id integer primary key, email text not null unique, name text not null, banned integer not null default 0
  )`,
  'create table if not exists credentials (user_id integer primary key references users on delete cascade, hash text not null)',
  `create table if not exists sessions (
    id text primary key, user_id integer, data text not null, expires_at integer not null
  )`,
  'create index if not exists sessions_of_user on sessions (user_id)',
  `create table if not exists reset_tokens (
    digest text primary key, user_id integer not null, expires_at integer not null, claimed integer not null default 0
  )`,
]

/** Four members as the old system left them, and the copies of their rows. Their passwords are in the README. */
export async function seed({ legacy, target }: Databases): Promise<void> {
  await legacy
    .insertInto('members')
    .values(MEMBERS)
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  await target
    .insertInto('users')
    .values(
      MEMBERS.map(({ member_id, mail, name, banned }) => ({ id: member_id, email: mail.toLowerCase(), name, banned })),
    )
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

// The hashes are published test vectors of crypt_blowfish, hashcat and Kratos.
const MEMBERS: readonly LegacyDB['members'][] = [
  {
    member_id: 1,
    mail: 'Ann@example.org',
    name: 'Ann',
    passwd: '$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',
    banned: 0,
  },
  { member_id: 2, mail: 'bob@example.org', name: 'Bob', passwd: '$P$984478476IagS59wHZvyQMArzfx58u.', banned: 0 },
  { member_id: 3, mail: 'cleo@example.org', name: 'Cleo', passwd: '$1$28772684$iEwNOgGugqO9.bIz5sk8k/', banned: 0 },
  {
    member_id: 4,
    mail: 'eve@example.org',
    name: 'Eve',
    passwd: '$2a$12$o6hx.Wog/wvFSkT/Bp/6DOxCtLRTDj7lm9on9suF/WaCGNVHbkfL6',
    banned: 1,
  },
]
