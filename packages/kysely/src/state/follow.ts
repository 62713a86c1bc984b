import { sleep, within } from '@twinspan/core'
import { type Kysely, sql } from 'kysely'
import { CHANNEL } from '../dialects/postgres-wake.ts'
import type { OwnTables } from '../own-tables.ts'

/** The part of a `pg` client that hears notifications. */
export interface ListenClient {
  connect(): Promise<unknown>
  query(text: string): Promise<unknown>
  on(event: 'notification', listener: (message: { readonly payload?: string | undefined }) => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'end', listener: () => void): unknown
  end(): Promise<void>
}

export interface FollowOptions {
  /**
   * Makes a connection of its own on which a PostgreSQL database says that something was written, a document or marks in the
   * journal: a `pg` client that is not connected yet. It is made while somebody follows, and made anew when it was lost.
   * Without it followers of documents read once a second, and the mirror looks every `pollMs` for what other processes wrote.
   *
   * @example
   * () => new pg.Client({ connectionString, keepAlive: true })
   */
  readonly listen?: () => ListenClient
}

/** Who follows which topic, over one connection. */
export interface Hints {
  /** @param lost hears that the connection was lost; when there is another one, `listener` does */
  follow(topic: string, listener: () => void, lost?: () => void): () => Promise<void>
  /** What a statement answers on that connection; `undefined` when there is none, or no answer within a second. */
  ask(statement: string): Promise<readonly Readonly<Record<string, unknown>>[] | undefined>
}

interface Follower {
  readonly listener: () => void
  readonly lost: () => void
}

const ASK_MS = 1_000
const CONNECT_MS = 5_000
/** How often a connection on which nothing was heard is asked whether it lives: a half-open socket hears nothing for ever. */
const PROBE_MS = 10_000
const PAUSE_MS = 1_000

/** Tells every follower of `topic` when the transaction of `db` commits. */
export async function tell(db: Kysely<OwnTables>, topic: string): Promise<void> {
  await sql`select pg_notify(${sql.lit(CHANNEL)}, ${topic})`.execute(db)
}

export function createHints(connect: () => ListenClient): Hints {
  const followers = new Map<string, Set<Follower>>()
  let current: { readonly client: ListenClient; lost(): void } | undefined
  let listening: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined

  function tellAll(what: keyof Follower): void {
    for (const some of followers.values()) for (const follower of some) follower[what]()
  }

  async function listen(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await session(signal).catch(() => {})
      // Not all at once: every process of the service has lost the same server.
      await sleep(PAUSE_MS * (0.5 + Math.random()), signal).catch(() => {})
    }
  }

  async function session(signal: AbortSignal): Promise<void> {
    const client = connect()
    const lost = new AbortController()
    client.on('error', () => lost.abort())
    client.on('end', () => lost.abort())
    client.on('notification', ({ payload = '' }) => {
      for (const { listener } of followers.get(payload) ?? []) listener()
    })
    const either = AbortSignal.any([signal, lost.signal])
    try {
      await within(CONNECT_MS, 'Listening to the state store', async () => {
        await client.connect()
        await client.query(`listen ${CHANNEL}`)
      })
      // What was said before this moment was said to nobody.
      current = { client, lost: () => lost.abort() }
      tellAll('listener')
      while (!either.aborted) {
        await sleep(PROBE_MS, either)
        await within(CONNECT_MS, 'Listening to the state store', () => client.query('select 1'))
      }
    } finally {
      // Nobody waits for a server that may not answer.
      void client.end().catch(() => {})
      if (current?.client === client) {
        current = undefined
        tellAll('lost')
      }
    }
  }

  return {
    async ask(statement) {
      const asked = current
      if (asked === undefined) return undefined
      try {
        const result = await within(ASK_MS, 'A question', () => asked.client.query(statement))
        return (result as { readonly rows: readonly Readonly<Record<string, unknown>>[] }).rows
      } catch {
        // What the session holds now, nobody knows. It ends, and holds nothing.
        asked.lost()
        return undefined
      }
    },
    follow(topic, listener, lost = () => {}) {
      const own: Follower = { listener: () => listener(), lost }
      followers.set(topic, (followers.get(topic) ?? new Set()).add(own))
      if (listening === undefined) {
        const stop = new AbortController()
        listening = { stop, ended: listen(stop.signal) }
      }
      return async () => {
        const listeners = followers.get(topic)
        listeners?.delete(own)
        if (listeners?.size === 0) followers.delete(topic)
        if (followers.size > 0) return
        const ending = listening
        listening = undefined
        ending?.stop.abort()
        await ending?.ended
      }
    },
  }
}
