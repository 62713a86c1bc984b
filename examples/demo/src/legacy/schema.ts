import Database from 'better-sqlite3'
import { type Generated, Kysely, SqliteDialect } from 'kysely'
import { waitPatiently } from './patience.ts'

export interface GazetteerTable {
  place_no: Generated<number>
  place_nm: string
  /** Names joined with `|`. */
  alt_nms: string
  lat: number
  lon: number
  ctry_cd: string
  adm_cd: string
  /** Codes joined with `|`. */
  muni_cds: string
  feat_cd: string
  popul: number
  elev_m: number | null
  upd_epoch: number
}

export interface MembersTable {
  member_no: Generated<number>
  mail: string
  full_nm: string
  /** `A` active, `P` pending. */
  stat_cd: string
  join_epoch: number
  passwd: Generated<string>
}

export interface LegacySchema {
  gazetteer: GazetteerTable
  members: MembersTable
}

const DDL = `
  create table gazetteer (
    place_no  integer primary key autoincrement,
    place_nm  text not null,
    alt_nms   text not null default '',
    lat       real not null,
    lon       real not null,
    ctry_cd   text not null,
    adm_cd    text not null default '',
    muni_cds  text not null default '',
    feat_cd   text not null,
    popul     integer not null default 0,
    elev_m    integer,
    upd_epoch integer not null
  );
  create index gazetteer_ctry on gazetteer (ctry_cd, place_no);
  create table members (
    member_no  integer primary key autoincrement,
    mail       text not null unique,
    full_nm    text not null,
    stat_cd    text not null default 'A',
    join_epoch integer not null,
    passwd     text not null default ''
  );
`

/** The file as a script opens it: readers never wait for the writer, a writer waits for another one. */
export function openLegacyFile(file: string): Database.Database {
  const database = new Database(file)
  database.pragma('busy_timeout = 5000')
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = FULL')
  return database
}

/** The file as a service opens it, which has other things to do while it waits. */
export function openLegacy(file: string): Kysely<LegacySchema> {
  const database = openLegacyFile(file)
  database.pragma('busy_timeout = 0')
  return new Kysely({ dialect: new SqliteDialect({ database, onCreateConnection: waitPatiently }) })
}

export function createLegacySchema(database: Database.Database): void {
  database.exec(DDL)
}
