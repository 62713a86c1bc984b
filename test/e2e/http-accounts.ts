import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { EntityStore, Key, StoreOptions } from '@twinspan/core'
import SqliteDatabase from 'better-sqlite3'

export interface Account {
  readonly id: number
  readonly name: string
}

/** A service that keeps accounts in a database of its own, of which nobody sees more than its HTTP interface. */
export interface AccountService {
  readonly url: string
  rows(): readonly Account[]
  /** The next write of `id` waits before it is made. `arrived` resolves once it is there. */
  hold(id: number): { readonly arrived: Promise<void>; release(): void }
  readonly refused: { count: number }
  close(): Promise<void>
}

const VERSION = 'x-version'

export async function startAccountService(accounts: readonly Account[] = []): Promise<AccountService> {
  const db = new SqliteDatabase(':memory:')
  db.exec(`create table accounts (id integer primary key autoincrement, name text not null);
    create table versions (id integer primary key, version text not null)`)
  const put = db.prepare(
    'insert into accounts (id, name) values (?, ?) on conflict (id) do update set name = excluded.name',
  )
  for (const { id, name } of accounts) put.run(id, name)
  const held = new Map<number, { readonly arrive: () => void; readonly gate: Promise<void> }>()
  const refused = { count: 0 }

  /** Whether a copy may write: the highest version of a key is kept, and outlives the row. Users carry none. */
  function take(id: number, version: string | undefined): boolean {
    if (version === undefined) return true
    const known = db.prepare('select version from versions where id = ?').pluck().get(id) as string | undefined
    if (known !== undefined && BigInt(version) < BigInt(known)) {
      refused.count++
      return false
    }
    db.prepare('insert into versions values (?, ?) on conflict (id) do update set version = excluded.version').run(
      id,
      version,
    )
    return true
  }

  const server = createServer((request, response) => void answer(request, response))
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://service')
    const reply = (status: number, body: unknown = null): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    }
    try {
      const body = await bodyOf(request)
      const id = Number(url.pathname.split('/')[2])
      const wait = held.get(id)
      if (wait !== undefined && request.method !== 'GET') {
        held.delete(id)
        wait.arrive()
        await wait.gate
      }
      const version = request.headers[VERSION] as string | undefined
      if (request.method === 'POST') {
        const { lastInsertRowid } = db.prepare('insert into accounts (name) values (?)').run((body as Account).name)
        reply(201, { id: Number(lastInsertRowid), name: (body as Account).name })
      } else if (request.method === 'PUT') {
        if (!take(id, version)) return reply(412)
        put.run(id, (body as Account).name)
        reply(200, { id, name: (body as Account).name })
      } else if (request.method === 'DELETE') {
        if (!take(id, version)) return reply(412)
        db.prepare('delete from accounts where id = ?').run(id)
        reply(200)
      } else if (url.searchParams.has('ids')) {
        const ids = JSON.stringify(url.searchParams.get('ids')?.split(',').map(Number))
        reply(200, db.prepare('select * from accounts where id in (select value from json_each(?))').all(ids))
      } else {
        const { after = 0, through = Number.MAX_SAFE_INTEGER, limit } = Object.fromEntries(url.searchParams)
        const page = db.prepare('select * from accounts where id > ? and id <= ? order by id limit ?')
        reply(200, page.all(Number(after), Number(through), Number(limit)))
      }
    } catch {
      reply(500)
    }
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    rows: () => db.prepare('select * from accounts order by id').all() as Account[],
    refused,
    hold(id) {
      let arrive = (): void => {}
      let release = (): void => {}
      const arrived = new Promise<void>((resolve) => {
        arrive = resolve
      })
      const gate = new Promise<void>((resolve) => {
        release = resolve
      })
      held.set(id, { arrive, gate })
      return { arrived, release: () => release() }
    },
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
      db.close()
    },
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text === '' ? null : JSON.parse(text)
}

async function call<T>(
  url: string,
  method: string,
  body?: unknown,
  { version, signal }: StoreOptions = {},
): Promise<T> {
  const response = await fetch(url, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(version === undefined ? {} : { headers: { [VERSION]: String(version) } }),
    ...(signal === undefined ? {} : { signal }),
  })
  if (!response.ok) throw Object.assign(new Error(`the service answered ${response.status}`), { code: response.status })
  return (await response.json()) as T
}

/** The accounts behind the service, as the mirror needs them. */
export function httpAccountStore(service: string): EntityStore<Account> {
  const one = (id: Key): string => `${service}/accounts/${String(id)}`
  return {
    name: 'http accounts',
    load: (keys, options) => call(`${service}/accounts?ids=${keys.join(',')}`, 'GET', undefined, options),
    scan({ after, through, limit }, options) {
      const range = new URLSearchParams({ limit: String(limit) })
      if (after !== undefined) range.set('after', String(after))
      if (through !== undefined) range.set('through', String(through))
      return call(`${service}/accounts?${range.toString()}`, 'GET', undefined, options)
    },
    async save(rows, options) {
      for (const row of rows) await call(one(row.id), 'PUT', row, options)
    },
    async remove(keys, options) {
      for (const key of keys) await call(one(key), 'DELETE', undefined, options)
    },
  }
}

/** What the application calls. */
export interface Accounts {
  create(name: string): Promise<Account>
  rename(id: number, name: string): Promise<void>
  remove(id: number): Promise<void>
}

export class HttpAccounts implements Accounts {
  readonly #service: string
  constructor(service: string) {
    this.#service = service
  }
  create(name: string): Promise<Account> {
    return call(`${this.#service}/accounts`, 'POST', { name })
  }
  async rename(id: number, name: string): Promise<void> {
    await call(`${this.#service}/accounts/${id}`, 'PUT', { name })
  }
  async remove(id: number): Promise<void> {
    await call(`${this.#service}/accounts/${id}`, 'DELETE')
  }
}
