import { AsyncLocalStorage } from 'node:async_hooks'
import { inspect } from 'node:util'
import {
  type Attributes,
  type ContextManager,
  context,
  type MeterProvider,
  metrics,
  ROOT_CONTEXT,
  type Span,
  type TracerProvider,
  trace,
} from '@opentelemetry/api'
import { createEvents, recordEvents } from '@twinspan/core'
import { kyselyCredentials } from '@twinspan/kysely'
import {
  argon2id,
  bcrypt,
  createShadowAuth,
  phpass,
  remaining,
  type ShadowAuthOptions,
  verifyPassword,
  wrapInactive,
} from '@twinspan/shadow-auth'
import { type Kysely, sql } from 'kysely'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type Engine, eachEngine, type OpenDatabase } from '../support/engines.ts'

interface DB {
  readonly members: { readonly id: number; readonly mail: string; readonly hash: string | null }
}

/** What was typed, what was typed anew, what stands in the tables, and who it belongs to. */
const LOGIN = 'canary.login@example.org'
const CANARY = 'hashcat'
const PEPPERY = 'canary-Пароль-7f3a "quoted"'
const NEXT = 'second-canary-91bc'
const HASH = '$P$984478476IagS59wHZvyQMArzfx58u.'
const KEY = 'canary fingerprint key of this test'
const OTHERS = 'canary-somebody-else@example.org'

/** Every encoding that a secret could leave in. */
function encodings(secret: string): readonly string[] {
  const bytes = Buffer.from(secret)
  const utf16 = Buffer.from(secret, 'utf16le')
  // Base64 of something longer that the secret is in: its place in the groups of three is unknown.
  const shifted = [0, 1, 2].map((before) =>
    Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .slice(before === 0 ? 0 : 4, -4),
  )
  return [
    secret,
    secret.toUpperCase(),
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    bytes.toString('hex'),
    bytes.toString('latin1'),
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('base64url'),
    bytes.join(','),
    bytes.join(', '),
    utf16.toString('hex'),
    utf16.toString('base64').replace(/=+$/, ''),
    utf16.toString('latin1'),
    [...utf16.swap16()].map((byte) => byte.toString(16).padStart(2, '0')).join(''),
    Array.from(secret).reverse().join(''),
    ...shifted,
  ].filter((text) => text.length >= 6)
}

/** Everything that could keep what it is given. */
interface Sinks {
  readonly seen: unknown[]
  close(): void
}

function watch(): Sinks {
  const seen: unknown[] = []
  const note =
    (where: string) =>
    (...args: unknown[]): void =>
      void seen.push([where, ...args])
  for (const method of ['log', 'info', 'warn', 'error', 'debug', 'trace', 'dir', 'table'] as const) {
    vi.spyOn(console, method).mockImplementation(note(`console.${method}`))
  }
  vi.spyOn(process, 'emitWarning').mockImplementation(note('warning'))
  for (const stream of ['stdout', 'stderr'] as const) {
    vi.spyOn(process[stream], 'write').mockImplementation((...args: unknown[]) => {
      note(stream)(...args)
      return true
    })
  }
  // Providers as an SDK registers them, that record all they are told.
  const contexts = new AsyncLocalStorage<typeof ROOT_CONTEXT>()
  const manager: ContextManager = {
    active: () => contexts.getStore() ?? ROOT_CONTEXT,
    with: (active, work, self, ...args) => contexts.run(active, () => work.apply(self as never, args)),
    bind: (_active, target) => target,
    enable: () => manager,
    disable: () => manager,
  }
  const spanOf = (name: string): Span =>
    new Proxy({} as Span, {
      get: (_, method) =>
        method === 'isRecording'
          ? () => true
          : method === 'spanContext'
            ? () => ({ traceId: '1'.repeat(32), spanId: '1'.repeat(16), traceFlags: 1 })
            : (...args: unknown[]) => {
                note(`span ${name}.${String(method)}`)(...args)
                return spanOf(name)
              },
    })
  const tracer = {
    startSpan(name: string, options?: { readonly attributes?: Attributes }): Span {
      note('span')(name, options)
      return spanOf(name)
    },
    startActiveSpan(name: string, ...rest: unknown[]): unknown {
      note('span')(name, ...rest.slice(0, -1))
      return (rest.at(-1) as (span: Span) => unknown)(spanOf(name))
    },
  }
  const instrument = (kind: string) => (name: string, options: unknown) => ({
    add: note(`${kind} ${name}`),
    record: note(`${kind} ${name}`),
    addCallback: note(`${kind} ${name} callback`),
    removeCallback: () => {},
    options,
  })
  const meter = new Proxy({}, { get: (_, method) => instrument(String(method)) })
  context.setGlobalContextManager(manager)
  trace.setGlobalTracerProvider({ getTracer: () => tracer } as unknown as TracerProvider)
  metrics.setGlobalMeterProvider({ getMeter: () => meter } as unknown as MeterProvider)
  const rejected = note('unhandled rejection')
  process.on('unhandledRejection', rejected)
  return {
    seen,
    close() {
      process.off('unhandledRejection', rejected)
      context.disable()
      trace.disable()
      metrics.disable()
      vi.restoreAllMocks()
    },
  }
}

/** An error with everything that hangs on it: its causes, its fields, those that are hidden. */
function laidOpen(value: unknown): string {
  const seen = new Set<unknown>()
  const parts: string[] = []
  const walk = (one: unknown, depth: number): void => {
    if (one === null || one === undefined || seen.has(one) || depth > 12) return
    if (typeof one !== 'object' && typeof one !== 'function') {
      parts.push(String(one as string))
      return
    }
    seen.add(one)
    if (one instanceof Map || one instanceof Set) for (const item of one) walk(item, depth + 1)
    if (ArrayBuffer.isView(one)) parts.push(Buffer.from(one.buffer, one.byteOffset, one.byteLength).toString('latin1'))
    for (const name of Reflect.ownKeys(one)) {
      parts.push(String(name))
      const { value: field } = Object.getOwnPropertyDescriptor(one, name) ?? {}
      walk(field, depth + 1)
    }
  }
  walk(value, 0)
  return `${parts.join('\n')}\n${inspect(value, { depth: Number.POSITIVE_INFINITY, maxArrayLength: null, maxStringLength: null, showHidden: true })}`
}

/** How a store is made to fail: each of these makes the server or the driver speak of the row or the statement. */
const TROUBLE: readonly {
  readonly name: string
  readonly make: (db: Kysely<DB>, side: 'legacy' | 'target') => Promise<unknown>
}[] = [
  { name: 'nothing', make: async () => {} },
  {
    name: 'a table that is gone',
    make: (db) => sql`drop table members`.execute(db),
  },
  {
    name: 'a column that is gone',
    make: (db) => sql`alter table members rename column hash to other`.execute(db),
  },
  {
    name: 'a hash that does not fit',
    make: async (db, side) => {
      await sql`drop table members`.execute(db)
      await create(db, 'varchar(100) check (length(hash) < 64)')
      if (side === 'legacy') await fill(db)
    },
  },
  {
    name: 'a login that somebody else has',
    make: async (db, side) => {
      if (side === 'target') await db.insertInto('members').values({ id: 99, mail: LOGIN, hash: null }).execute()
    },
  },
]

async function create(db: Kysely<DB>, hash = 'varchar(500)'): Promise<void> {
  await sql`create table members (id integer primary key, mail varchar(190) unique, hash ${sql.raw(hash)})`.execute(db)
}

async function fill(db: Kysely<DB>): Promise<void> {
  await db
    .insertInto('members')
    .values([
      { id: 1, mail: LOGIN, hash: HASH },
      { id: 2, mail: OTHERS, hash: '$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW' },
    ])
    .execute()
}

await eachEngine((engine: Engine) => {
  // The server's errors are PostgreSQL's, and there is no driver in between.
  if (engine.name === 'pglite') return
  describe(`A12 no secret reaches any sink, on ${engine.name}`, () => {
    let sinks: Sinks | undefined
    const open: OpenDatabase<DB>[] = []
    afterEach(async () => {
      sinks?.close()
      sinks = undefined
      for (const database of open.splice(0)) await database.close()
    })

    it.each(TROUBLE)('$name', async ({ make }) => {
      const results: unknown[] = []
      for (const broken of ['legacy', 'target'] as const) {
        const [legacy, target] = [await engine.open<DB>(), await engine.open<DB>()]
        open.push(legacy, target)
        await create(legacy.db)
        await create(target.db)
        await fill(legacy.db)
        await make(broken === 'legacy' ? legacy.db : target.db, broken)
        sinks = watch()
        const events = createEvents()
        const record = recordEvents('canary')
        for (const type of ['auth', 'auth-finding', 'auth-remaining'] as const) {
          events.on(type, (event) => {
            results.push(event)
            record(event)
          })
        }
        const store = (db: Kysely<DB>) =>
          kyselyCredentials(db, { table: 'members', uid: 'id', login: 'mail', hash: 'hash' })
        const options: ShadowAuthOptions = {
          legacy: store(legacy.db),
          target: store(target.db),
          hash: argon2id({ m: 64, t: 1 }),
          accepts: [phpass(), bcrypt()],
          fingerprintKey: KEY,
          candidates: (password) => [password.trim()],
          telemetry: events,
        }
        const auth = createShadowAuth(options)
        const calls = [
          () => auth.verifyAndUpgrade(LOGIN, PEPPERY),
          () => auth.verifyAndUpgrade(OTHERS, CANARY),
          () => auth.verifyAndUpgrade([LOGIN], [CANARY]),
          () => auth.verifyAndUpgrade(LOGIN, CANARY),
          () => auth.findForReset(LOGIN).then(({ ok }) => ok),
          () => auth.isReserved(LOGIN),
          () => auth.onLegacyPasswordChanged(1),
          () => auth.changePassword(LOGIN, CANARY, NEXT),
          () => auth.resetPassword(1, PEPPERY),
          () => auth.verifyAndUpgrade(LOGIN, PEPPERY),
          () => verifyPassword(CANARY, HASH.slice(0, -1), [phpass()]),
          () => remaining(options, { maxShare: 1 }),
          async () => {
            for await (const progress of wrapInactive(options, { maxShare: 1 })) results.push(progress)
          },
        ]
        for (const call of calls) results.push(await call().catch((error: unknown) => error))
        // What is left behind in the object that an application holds and may log.
        results.push(laidOpen(auth))
        await new Promise((resolve) => setTimeout(resolve, 5))
        const { seen } = sinks
        sinks.close()
        sinks = undefined
        results.push(...seen)
      }
      const text = results.map(laidOpen).join('\n')
      // The sinks work: what they were meant to see is there.
      expect(text).toContain('twinspan.login')
      expect(text).toContain('twinspan.auth.verdicts')
      for (const [name, secret] of Object.entries({ LOGIN, CANARY, PEPPERY, NEXT, HASH, KEY, OTHERS })) {
        for (const encoded of encodings(secret)) {
          const at = text.indexOf(encoded)
          expect(at < 0 ? '' : `${name} in ${JSON.stringify(text.slice(Math.max(0, at - 200), at))}`).toBe('')
        }
      }
    })
  })
})

it('the sinks and the search find what is there', () => {
  const hidden = Object.defineProperty(new Error('x', { cause: { parameters: [Buffer.from(NEXT)] } }), 'query', {
    value: Buffer.from(CANARY, 'utf16le').toString('base64'),
    enumerable: false,
  })
  const text = laidOpen(hidden)
  expect(encodings(NEXT).some((encoded) => text.includes(encoded))).toBe(true)
  expect(encodings(CANARY).some((encoded) => text.includes(encoded))).toBe(true)
  for (const secret of [LOGIN, PEPPERY, HASH]) {
    for (const before of ['', 'a', 'ab']) {
      const inside = Buffer.from(`${before}${secret} and more`).toString('base64')
      expect(encodings(secret).some((encoded) => inside.includes(encoded))).toBe(true)
    }
  }
})
