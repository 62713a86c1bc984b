import { type Kysely, sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eachEngine, type OpenDatabase } from '../../../test/support/engines.ts'
import { kyselySide } from '../src/index.ts'

interface Tables {
  users: { id: number; email: string; badge: number | null; hash: string | null }
  sessions: { id: number; user_id: number }
  countries: { id: number; code: string; name: string }
  cities: { id: number; country: string | null }
}

await eachEngine((engine) => {
  describe(`room for unique values on ${engine.name}`, () => {
    let opened: OpenDatabase<Tables>
    let db: Kysely<Tables>
    const run = (statement: string): Promise<unknown> => sql.raw(statement).execute(db)
    const part = <Row>(row: Partial<Row>): Row => row as Row

    /** Room is made and the rows are saved, in one transaction. */
    async function change<Name extends 'users' | 'countries'>(
      name: Name,
      saved: readonly Partial<Tables[Name]>[],
      removed: readonly number[] = [],
    ): Promise<void> {
      const table = kyselySide(db).table(name, { key: 'id' as never })
      const rows = saved.map((row) => part(row)) as never[]
      await db.transaction().execute(async (transaction) => {
        await table.makeRoom({ saved: rows, removed }, { transaction })
        await table.save(rows, { transaction })
        await table.remove(removed, { transaction })
      })
    }
    const users = async (): Promise<string[]> =>
      (await db.selectFrom('users').selectAll().orderBy('id').execute()).map((row) => Object.values(row).join())

    beforeEach(async () => {
      opened = await engine.open<Tables>()
      db = opened.db
      if (engine.name === 'sqlite') await run('pragma foreign_keys = on')
      const text = engine.name === 'mariadb' ? 'varchar(40)' : 'text'
      await run(`create table users (id integer primary key, email ${text} not null unique, badge integer unique,
        hash ${text}, check (badge > 0))`)
      await run(`create table sessions (id integer primary key, user_id integer not null,
        foreign key (user_id) references users (id) on delete cascade)`)
      await run(`insert into users values (1, 'a', 10, 'h1'), (2, 'b', 20, 'h2'), (3, 'c', 30, 'h3')`)
      await run('insert into sessions values (1, 1), (2, 2), (3, 3)')
    })
    afterEach(() => opened.close())

    it('is made in place: columns that nobody named and rows that reference these stay', async () => {
      await change('users', [
        { id: 1, email: 'b', badge: 20 },
        { id: 2, email: 'c', badge: 30 },
        { id: 3, email: 'a', badge: 10 },
      ])
      expect(await users()).toEqual(['1,b,20,h1', '2,c,30,h2', '3,a,10,h3'])
      expect(await db.selectFrom('sessions').selectAll().execute()).toHaveLength(3)
    })

    it('is made for one column and leaves the other one alone', async () => {
      await change('users', [
        { id: 1, email: 'b' },
        { id: 2, email: 'a' },
      ])
      expect(await users()).toEqual(['1,b,10,h1', '2,a,20,h2', '3,c,30,h3'])
    })

    it('is made by a row that goes, before it goes', async () => {
      await change(
        'users',
        [
          { id: 2, email: 'a', badge: 10 },
          { id: 4, email: 'b', badge: 20, hash: null },
        ],
        [1],
      )
      expect(await users()).toEqual(['2,a,10,h2', '3,c,30,h3', '4,b,20,'])
    })

    it('is made for numbers that may not be null', async () => {
      await run('create table countries (id integer primary key, code integer not null unique, name varchar(9))')
      await run(`insert into countries values (1, 7, 'x'), (2, 8, 'y')`)
      await change('countries', [
        { id: 1, code: 8 as unknown as string },
        { id: 2, code: 7 as unknown as string },
      ])
      const rows = await db.selectFrom('countries').selectAll().orderBy('id').execute()
      expect(rows.map((row) => Object.values(row).join())).toEqual(['1,8,x', '2,7,y'])
    })

    // A child that follows its parent to a placeholder, or to null and stays there, would be lost without a word.
    it.each(['set null', 'cascade'])('is not made where a child refers to the value: on update %s', async (action) => {
      await run('create table countries (id integer primary key, code varchar(40) unique, name varchar(9))')
      await run(`create table cities (id integer primary key, country varchar(40),
        foreign key (country) references countries (code) on update ${action})`)
      await run(`insert into countries values (1, 'AT', 'x'), (2, 'CH', 'y')`)
      await run(`insert into cities values (1, 'AT'), (2, 'CH')`)
      const swap = change('countries', [
        { id: 1, code: 'CH' },
        { id: 2, code: 'AT' },
      ])
      await expect(swap).rejects.toThrow()
      expect((await db.selectFrom('cities').selectAll().orderBy('id').execute()).map((row) => row.country)).toEqual([
        'AT',
        'CH',
      ])
    })

    if (engine.name === 'mariadb') return

    it('is made in a partial index and in one on an expression', async () => {
      await run('create table countries (id integer primary key, code text not null, name text)')
      await run('create unique index by_code on countries (lower(code))')
      await run('create unique index by_name on countries (name) where id > 0')
      await run(`insert into countries values (1, 'AT', 'x'), (2, 'CH', 'y')`)
      await change('countries', [
        { id: 1, code: 'ch', name: 'y' },
        { id: 2, code: 'at', name: 'x' },
      ])
      const rows = await db.selectFrom('countries').selectAll().orderBy('id').execute()
      expect(rows.map((row) => Object.values(row).join())).toEqual(['1,ch,y', '2,at,x'])
    })
  })
})
