import { type Kysely, sql } from 'kysely'
import type { Engine } from '../support/engines.ts'

/** A row of the benches' large table: nine columns of mixed types. */
export interface Account {
  readonly id: number
  readonly email: string
  readonly name: string
  readonly balance: string
  readonly score: number
  readonly active: boolean | number
  readonly ratio: number
  readonly created: Date
  readonly note: string | null
}

export interface SamplesDB {
  readonly accounts: Account
}

const POSTGRES = `create table accounts (id bigint primary key, email varchar(120) not null, name text not null,
  balance numeric(12,2) not null, score integer not null, active boolean not null, ratio double precision not null,
  created timestamptz(6) not null, note text)`

const TABLES: Readonly<Partial<Record<Engine['name'], string>>> = {
  postgres: POSTGRES,
  pglite: POSTGRES,
  mariadb: `create table accounts (id bigint primary key, email varchar(120) not null, name text not null,
    balance decimal(12,2) not null, score int not null, active tinyint(1) not null, ratio double not null,
    created datetime(6) not null, note text) character set utf8mb4`,
}

const ROWS: Readonly<Partial<Record<Engine['name'], (from: number, through: number) => string>>> = {
  postgres: (from, through) => `insert into accounts
    select i, concat('user', i, '@example.org'), concat(md5(concat('n', i)), ' é'), ((i * 7919) % 1000000) / 100.0,
      (i * 31) % 100000, i % 3 = 0, i / 8.0, timestamptz '2020-01-01 00:00:00+00' + i * interval '1.5 second',
      case when i % 4 = 0 then null else concat('note ', md5(concat('x', i))) end
    from generate_series(${from}::bigint, ${through}::bigint) i`,
  mariadb: (from, through) => `insert into accounts
    select seq, concat('user', seq, '@example.org'), concat(md5(concat('n', seq)), ' é'), ((seq * 7919) % 1000000) / 100,
      (seq * 31) % 100000, seq % 3 = 0, seq / 8e0, timestamp '2020-01-01 00:00:00' + interval seq * 1500000 microsecond,
      case when seq % 4 = 0 then null else concat('note ', md5(concat('x', seq))) end
    from seq_${from}_to_${through}`,
}

export async function createAccounts(db: Kysely<SamplesDB>, engine: Engine['name']): Promise<void> {
  const table = TABLES[engine]
  if (table === undefined) throw new Error(`no table of accounts for ${engine}`)
  await sql.raw(table).execute(db)
}

/** Fills `accounts` with the same rows on every engine, made by the engine itself. */
export async function fillAccounts(db: Kysely<SamplesDB>, engine: Engine['name'], rows: number): Promise<void> {
  const insert = ROWS[engine] ?? (engine === 'pglite' ? ROWS.postgres : undefined)
  if (insert === undefined) throw new Error(`no generator of rows for ${engine}`)
  const step = 500_000
  for (let from = 1; from <= rows; from += step)
    await sql.raw(insert(from, Math.min(rows, from + step - 1))).execute(db)
  await sql.raw(engine === 'mariadb' ? 'analyze table accounts' : 'vacuum analyze accounts').execute(db)
}
