import { DummyDriver, Kysely, MssqlAdapter, MssqlQueryCompiler, PostgresIntrospector, sql } from 'kysely'
import { describe, expect, it } from 'vitest'
import { eachEngine } from '../../../test/support/engines.ts'
import { kyselySide, kyselyStateStore, surviveLostConnections } from '../src/index.ts'

describe('kyselySide', () => {
  it('refuses an engine that it does not know, by name, before anything is asked of it', () => {
    const db = new Kysely<never>({
      dialect: {
        createAdapter: () => new MssqlAdapter(),
        createDriver: () => new DummyDriver(),
        createIntrospector: (plain) => new PostgresIntrospector(plain),
        createQueryCompiler: () => new MssqlQueryCompiler(),
      },
    })
    expect(() => kyselySide(db)).toThrow('The engine Mssql is not supported. Supported: PostgreSQL, PGlite, MySQL')
    expect(() => kyselyStateStore(db)).toThrow(expect.objectContaining({ code: 'TWINSPAN_UNSUPPORTED_ENGINE' }))
    expect(() => kyselySide({} as never)).toThrow(expect.objectContaining({ code: 'TWINSPAN_UNSUPPORTED_ENGINE' }))
  })
})

describe('surviveLostConnections', () => {
  it('listens to every connection, those in use included', () => {
    const listeners = new Map<string, (argument: never) => void>()
    const heard: Error[] = []
    const client = new Map<string, (error: Error) => void>()
    const pool = { on: (event: string, listener: (argument: never) => void) => listeners.set(event, listener) }
    expect(surviveLostConnections(pool, (error) => heard.push(error))).toBe(pool)
    listeners.get('connect')!({
      on: (event: string, listener: (error: Error) => void) => client.set(event, listener),
      query: async () => {},
    } as never)
    listeners.get('error')!(new Error('idle') as never)
    client.get('error')!(new Error('in use'))
    expect(heard.map(({ message }) => message)).toEqual(['idle', 'in use'])
  })

  it.each([
    ['ends a connection on which a query was given up', 'Query read timeout', 1],
    ['keeps a connection whose query failed', 'duplicate key value', 0],
  ])('%s', async (_, message, ended) => {
    let connect = (_client: never): void => {}
    surviveLostConnections({
      on: (event: string, listener: (argument: never) => void) => {
        if (event === 'connect') connect = listener
      },
    })
    let ends = 0
    const failure = new Error(message)
    const client = {
      on: () => {},
      query: (_text: string): Promise<unknown> => Promise.reject(failure),
      end: async () => {
        ends++
      },
    }
    connect(client as never)
    await expect(client.query('begin')).rejects.toBe(failure)
    expect(ends).toBe(ended)
  })
})

await eachEngine((engine) => {
  describe(`the schema on ${engine.name}`, () => {
    it('is made by many processes at once', async () => {
      const { connect, close } = await engine.open()
      try {
        const others = await Promise.all(Array.from({ length: 5 }, connect))
        const prepared = others.flatMap((db) => {
          const side = kyselySide(db)
          return [side.bind({ migration: 'm', side: 'legacy' }).prepare(), side.store.bind('m').prepare()]
        })
        await Promise.all(prepared)
        const [db] = others
        const made = await sql<{ name: string }>`select name from twinspan_migrations`.execute(db!)
        const names = made.rows.map(({ name }) => name)
        expect(names).toEqual([...new Set(names)])
        expect(names).toContain('0001-first')
      } finally {
        await close()
      }
    })

    it('survives a process that died half-way through', async () => {
      const { db, close } = await engine.open()
      try {
        const side = kyselySide(db)
        await side.store.bind('m').prepare()
        await sql`drop table twinspan_finding`.execute(db)
        await sql`delete from twinspan_migrations`.execute(db)
        // As another process sees it: this one has prepared already.
        const again = kyselySide(db.$extendTables<{ other: { id: number } }>())
        await again.store.bind('m').prepare()
        expect(await again.store.bind('m').findings()).toEqual([])
      } finally {
        await close()
      }
    })

    it('refuses names that would not survive quoting, by the option', async () => {
      const { db, close } = await engine.open()
      try {
        const side = kyselySide(db)
        for (const migration of ['', 'a\\b', 'line\nbreak', 'x'.repeat(121)]) {
          expect(() => side.bind({ migration, side: 'legacy' })).toThrow('Option name')
          expect(() => side.store.bind(migration)).toThrow('Option name')
        }
      } finally {
        await close()
      }
    })

    it('hands out journal ids that are never used twice', async () => {
      const { db, close } = await engine.open()
      try {
        const side = kyselySide(db).bind({ migration: 'm', side: 'legacy' })
        await side.prepare()
        const ids = new Set<string>()
        for (let round = 0; round < 3; round++) {
          await side.journal.mark([{ entity: 'e', key: '1' }])
          const [row] = await side.journal.read({ limit: 1 })
          ids.add(row!.id)
          await side.journal.remove([row!.id])
        }
        expect(ids.size).toBe(3)
      } finally {
        await close()
      }
    })
  })
})
