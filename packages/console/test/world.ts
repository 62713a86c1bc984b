import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createMigration, defineEntity, type Migration } from '@twinspan/core'
import { createMemoryDatabase, memorySide } from '@twinspan/core/testing'

export interface World {
  readonly migration: Migration
  /** Every step of the store, or of the target, waits for it or fails with it. */
  break(what: 'store' | 'target', step: (() => Promise<void>) | undefined): void
  end(): Promise<void>
}

/** A started migration of `things` in memory. */
export async function createWorld(options: { readonly now?: () => number } = {}): Promise<World> {
  const broken: { store?: (() => Promise<void>) | undefined; target?: (() => Promise<void>) | undefined } = {}
  const legacy = memorySide(createMemoryDatabase())
  const target = memorySide(createMemoryDatabase(), { step: async () => broken.target?.() })
  const { store } = memorySide(createMemoryDatabase(), { step: async () => broken.store?.() })
  const table = { key: 'id', columns: ['id', 'name'] }
  const things = defineEntity({
    name: 'things',
    legacy: legacy.table<{ id: number; name: string }>('things', table),
    target: target.table<{ id: number; name: string }>('things', table),
    toTarget: (row) => row,
    toLegacy: (row) => row,
  })
  const migration = createMigration({ name: 'things-move', legacy, target, entities: [things], store, ...options })
  await migration.start()
  return {
    migration,
    break(what, step) {
      broken[what] = step
    },
    async end() {
      broken.store = undefined
      broken.target = undefined
      await migration.stop()
    },
  }
}

export interface Served {
  readonly origin: string
  close(): Promise<void>
}

/** Serves on a free port of this machine. */
export async function serve(handler: (request: IncomingMessage, response: ServerResponse) => void): Promise<Served> {
  const server = createServer(handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export interface Question {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Only the beginning of the answer is waited for. */
  readonly streams?: boolean
}

/** A request with exactly these headers; `fetch` would set and refuse some by itself. */
export function ask(url: string, { method = 'GET', headers = {}, body, streams }: Question = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers }, (response) => {
      let text = ''
      const settle = (): void => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text })
        sent.destroy()
      }
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
        if (streams && text.includes('event: status') && text.endsWith('\n\n')) settle()
      })
      response.on('end', settle)
    })
    sent.on('error', reject)
    sent.end(body)
  })
}
