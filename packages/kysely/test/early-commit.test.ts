import { type BoundSide, PLANS } from '@twinspan/core'
import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { postgres } from '../../../test/support/postgres.ts'
import { kyselySide, surviveLostConnections } from '../src/index.ts'

interface DB {
  things: { id: string; part_of: string | null }
}

const reason = await postgres.missing()
if (reason !== undefined && process.env['CI'] === 'true') throw new Error(reason)

describe.skipIf(reason !== undefined)(`capture by transaction on postgres ${reason ?? ''}`, () => {
  let opened: Awaited<ReturnType<typeof postgres.open<DB>>>
  let db: Kysely<DB>
  let side: BoundSide
  const sent: string[] = []

  beforeAll(async () => {
    opened = await postgres.open<DB>()
    const pool = surviveLostConnections(new pg.Pool({ connectionString: opened.url, max: 1 }))
    db = new Kysely<DB>({ dialect: new PostgresDialect({ pool }), log: ({ query }) => void sent.push(query.sql) })
    await sql`create table things (id text primary key, part_of text references things deferrable initially deferred)`.execute(
      db,
    )
    side = kyselySide(db).bind({ migration: 'm', side: 'legacy' })
    await side.prepare()
    const row = { incarnation: 'i', epoch: 1, phase: 'dual-write' as const, primary: PLANS['dual-write'].primary }
    await side.fence.change(0, { ...row, open: true, pending: null, unrecorded: [] })
  })

  afterAll(async () => {
    await db?.destroy()
    await opened?.close()
  })

  const save = (id: string, part_of: string | null = null): Promise<unknown> => {
    return side.captureWrite({ entity: 'things', keys: () => [id] }, (connection) =>
      (connection as Kysely<DB>).insertInto('things').values({ id, part_of }).execute(),
    )
  }
  const marked = async (): Promise<readonly string[]> => {
    const { rows } = await sql<{ key: string }>`select key_text as key from twinspan_journal order by id`.execute(db)
    return rows.map(({ key }) => key)
  }

  it('sends the marks and the commit together', async () => {
    await save('first')
    sent.length = 0
    await save('second')
    expect(sent).toEqual([
      'begin',
      expect.stringMatching(/^insert into "things"/),
      expect.stringMatching(/^select twinspan_mark\(.*\); commit$/),
    ])
    expect(await marked()).toEqual(['first', 'second'])
  })

  it('is refused by what a commit is refused by, writes nothing, and leaves the connection in order', async () => {
    await expect(save('child', 'nobody')).rejects.toMatchObject({ code: '23503' })
    expect(await db.selectFrom('things').selectAll().where('id', '=', 'child').execute()).toEqual([])
    expect(await marked()).not.toContain('child')
    await db.transaction().execute((trx) => trx.insertInto('things').values({ id: 'after', part_of: null }).execute())
    await expect(
      db.transaction().execute(async (trx) => {
        await trx.insertInto('things').values({ id: 'undone', part_of: null }).execute()
        throw new Error('changed my mind')
      }),
    ).rejects.toThrow('changed my mind')
    const { rows } = await sql<{ id: string }>`select id from things where id in ('after', 'undone')`.execute(db)
    expect(rows).toEqual([{ id: 'after' }])
  })

  it.each(['on', 'off'])('marks any key as it is, with standard_conforming_strings %s', async (setting) => {
    await sql.raw(`set standard_conforming_strings = ${setting}`).execute(db)
    const hostile = [
      `o'neil${setting}`,
      `back\\slash${setting}`,
      `\\'); drop table things; --${setting}`,
      `"quoted" $twinspan$ ${setting}`,
    ]
    for (const id of hostile) await save(id)
    expect((await marked()).slice(-hostile.length)).toEqual(hostile)
    await sql`set standard_conforming_strings = on`.execute(db)
  })
})
