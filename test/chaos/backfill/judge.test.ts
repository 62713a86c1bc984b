import { type Kysely, sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { OpenDatabase } from '../../support/engines.ts'
import { pglite } from '../../support/pglite.ts'
import type { Write } from '../history.ts'
import { judge, watchTarget } from './judge.ts'
import { createTables } from './records.ts'

const ROWS = 10
const LAST_KEY = 20

/** A write that was acknowledged, after everything that came before it in these tests. */
const wrote = (key: number, value: string | null): Write => ({
  key,
  value,
  begun: 10n,
  acknowledged: 20n,
  buried: undefined,
})

describe('the judge of a backfill', () => {
  // The tables of both sides have names of their own.
  let database: OpenDatabase<unknown>
  let legacy: Kysely<unknown>
  let target: Kysely<unknown>

  const run = (db: Kysely<unknown>, ...statements: readonly string[]): Promise<void> =>
    statements.reduce((before, one) => before.then(() => sql.raw(one).execute(db)).then(() => {}), Promise.resolve())

  beforeEach(async () => {
    database = await pglite.open()
    legacy = target = database.db
    await createTables(legacy, target, 'postgres', ROWS)
    await watchTarget(target)
    await run(target, "insert into items select n * 2, '0.history', concat('r', n * 2) from generate_series(1, 10) n")
  })
  afterEach(() => database.close())

  it('finds nothing where both sides are what the users made of them', async () => {
    await run(
      legacy,
      "update records set txt = '5.user' where record_id = 2",
      'delete from records where record_id = 4',
    )
    await run(target, "update items set label = '5.user' where id = 2", 'delete from items where id = 4')
    expect(await judge(legacy, target, [wrote(2, '5.user'), wrote(4, null)], LAST_KEY)).toEqual({
      legacyRows: 9,
      targetRows: 9,
      duplicates: [],
      resurrected: [],
      overwritten: [],
      missing: [],
      different: [],
      lost: [],
      backForAMoment: 0,
    })
  })

  it('sees a row that is there twice, a row that came back and a row that is missing', async () => {
    await run(target, "insert into items values (101, '0.history', 'r6')", 'delete from items where id = 8')
    await run(legacy, 'delete from records where record_id = 4')
    const found = await judge(legacy, target, [wrote(4, null)], LAST_KEY)
    expect(found.duplicates).toEqual(['r6'])
    expect(found.resurrected).toEqual(['key 4: 0.history', 'key 101: 0.history'])
    expect(found.missing).toEqual(['key 8: 0.history'])
  })

  it('sees a row that is older than it should be', async () => {
    await run(legacy, "update records set txt = '5.user' where record_id = 2")
    const found = await judge(legacy, target, [wrote(2, '5.user')], LAST_KEY)
    expect(found.overwritten).toEqual(['key 2: 0.history over 5.user'])
  })

  it('sees a row that was older for a moment', async () => {
    const set = (label: string): string => `update items set label = '${label}' where id = 2`
    await run(target, set('5.user'), set('4.user'), set('5.user'))
    await run(legacy, "update records set txt = '5.user' where record_id = 2")
    const found = await judge(legacy, target, [wrote(2, '5.user')], LAST_KEY)
    expect(found.overwritten).toEqual(['key 2: 4 over 5'])
  })

  it('sees a row that was back for a moment', async () => {
    await run(target, 'delete from items where id = 2', "insert into items values (2, '0.history', 'r2')")
    expect((await judge(legacy, target, [], LAST_KEY)).backForAMoment).toBe(1)
  })

  it('sees a row that is another one', async () => {
    await run(target, "update items set ref = 'r1' where id = 2")
    expect((await judge(legacy, target, [], LAST_KEY)).different).toHaveLength(1)
  })

  it('sees an acknowledged write that legacy has lost', async () => {
    expect((await judge(legacy, target, [wrote(2, '5.user')], LAST_KEY)).lost).toHaveLength(1)
    expect((await judge(legacy, target, [wrote(2, null)], LAST_KEY)).lost).toHaveLength(1)
  })
})
