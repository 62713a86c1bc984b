import { Writable } from 'node:stream'
import { createMigration, defineEntity, type MigrationOptions, sameColumns } from '@twinspan/core'
import { kyselySide } from '@twinspan/kysely'
import SqliteDatabase from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import type { Config } from '../src/config.ts'
import type { Host } from '../src/host.ts'
import { type LoadConfig, main } from '../src/main.ts'

interface LegacyTables {
  members: { member_id: number; mail: string }
}
interface TargetTables {
  users: { id: number; email: string }
}

export interface Ran {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
  /** The lines of stdout, read as JSON. */
  readonly objects: readonly Record<string, never>[]
}

export interface RunOptions {
  readonly env?: Host['env']
  readonly isTTY?: boolean
  readonly signal?: AbortSignal
  /** Hears of everything on stdout as it is written. */
  readonly heard?: (text: string) => void
  readonly cwd?: string
  readonly load?: LoadConfig
}

/** Runs one command line in this process: `run('advance --reason "go"')`. */
export async function run(line: string, options: RunOptions = {}): Promise<Ran> {
  const { env = { USER: 'ann' }, isTTY = false, signal = new AbortController().signal, cwd = process.cwd() } = options
  const [stdout, stderr] = [sink(isTTY, options.heard), sink(isTTY)]
  const host = { stdout: stdout.stream, stderr: stderr.stream, env, cwd, signal }
  const status = await main(wordsOf(line), host, options.load)
  const text = stdout.text()
  return {
    status,
    stdout: text,
    stderr: stderr.text(),
    get objects() {
      return text
        .split('\n')
        .filter((row) => row !== '')
        .map((row) => JSON.parse(row) as Record<string, never>)
    },
  }
}

/** The words of a command line, as a shell without expansion reads them. */
function wordsOf(line: string): readonly string[] {
  return Array.from(
    line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g),
    ([, double, single, bare]) => double ?? single ?? bare ?? '',
  )
}

function sink(isTTY: boolean, heard?: (text: string) => void): { readonly stream: Host['stdout']; text(): string } {
  const chunks: string[] = []
  const writable = new Writable({
    write(chunk: Buffer, _, done) {
      chunks.push(chunk.toString())
      heard?.(chunk.toString())
      done()
    },
  })
  return { stream: Object.assign(writable, { isTTY, columns: 80 }), text: () => chunks.join('') }
}

/** Two SQLite databases in memory and a configuration that every command opens anew, as processes would. */
export interface Shop {
  readonly legacy: InstanceType<typeof SqliteDatabase>
  readonly target: InstanceType<typeof SqliteDatabase>
  /** How often a command closed what it had opened. */
  readonly closed: () => number
  open(): Config
  run(line: string, options?: RunOptions): Promise<Ran>
  /** Goes to `canary`, with everything copied and compared. */
  toCanary(): Promise<void>
  end(): Promise<void>
}

export function createShop({
  rows = 3,
  ...options
}: { readonly rows?: number } & Partial<MigrationOptions> = {}): Shop {
  const legacy = new SqliteDatabase(':memory:')
  const target = new SqliteDatabase(':memory:')
  legacy.exec('create table members (member_id integer primary key, mail text not null)')
  target.exec('create table users (id integer primary key, email text not null)')
  const insert = legacy.prepare('insert into members (mail) values (?)')
  for (let row = 1; row <= rows; row++) insert.run(`user${row}@example.org`)
  const legacyDb = new Kysely<LegacyTables>({ dialect: new SqliteDialect({ database: legacy }) })
  const targetDb = new Kysely<TargetTables>({ dialect: new SqliteDialect({ database: target }) })
  let closed = 0

  const shop: Shop = {
    legacy,
    target,
    closed: () => closed,
    open() {
      const sides = { legacy: kyselySide(legacyDb), target: kyselySide(targetDb) }
      const users = defineEntity({
        name: 'users',
        legacy: sides.legacy.table('members', { key: 'member_id' }),
        target: sides.target.table('users', { key: 'id' }),
        ...sameColumns({ member_id: 'id', mail: 'email' }),
      })
      return {
        migration: createMigration({ name: 'shop', ...sides, entities: [users], refreshMs: 50, ...options }),
        router: { unit: 'user' },
        close() {
          closed += 1
        },
      }
    },
    run: (line, given) => run(line, { load: async () => shop.open(), ...given }),
    async toCanary() {
      const lines = [
        'advance --reason a',
        'advance --reason b',
        'backfill',
        'reconcile',
        'advance --reason c',
        'advance --reason d',
      ]
      for (const line of lines) {
        const { status, stderr } = await shop.run(line)
        if (status !== 0) throw new Error(`${line}: ${stderr}`)
      }
    },
    async end() {
      await legacyDb.destroy()
      await targetDb.destroy()
    },
  }
  return shop
}
