import type { Compaction, Journal } from '@twinspan/core'
import { type Kysely, type SqlBool, sql } from 'kysely'
import { chunks } from './chunks.ts'
import type { Database } from './database.ts'
import type { Scope } from './dialect.ts'
import { groupBy } from './group-by.ts'
import type { Int64, OwnTables } from './own-tables.ts'
import { transact } from './transact.ts'

const TIMEOUT_MS = 5_000

/** How many rows one transaction lets give way: it is short, and so is what waits for its locks. */
const ROWS_AT_ONCE = 2_000

interface Row {
  readonly id: Int64
  readonly entity: string
  readonly key_text: string
}

export function createCompact(database: Database, scope: Scope): NonNullable<Journal['compact']> {
  const { own, dialect, ownIn } = database
  const { byPrimaryKey } = dialect
  const { migration, side } = scope
  const ofThisScope = sql<SqlBool>`${byPrimaryKey('migration')} = ${migration} and ${byPrimaryKey('side')} = ${side}`
  const mine = dialect.opaque?.(ofThisScope) ?? ofThisScope
  const nameOf = (row: Row): string => JSON.stringify([row.entity, row.key_text])
  const several = (rows: readonly Row[]): (readonly Row[])[] =>
    [...groupBy(rows, nameOf).values()].filter((same) => same.length > 1)

  /** Rows of the same keys as those of the window, at most as many again as fit: the rest is met further on. */
  async function alike(window: readonly Row[]): Promise<readonly Row[]> {
    const found: Row[] = []
    for (const [entity, rows] of groupBy(window, (row) => row.entity)) {
      const keys = new Set(rows.map((row) => row.key_text))
      const same = await own
        .selectFrom('twinspan_journal')
        .select(['id', 'entity', 'key_text'])
        .where((eb) => eb.and({ migration, side, entity, attempts: 0, parked: 0 } as never))
        .where('key_text', 'in', [...keys])
        .limit(ROWS_AT_ONCE)
        .execute()
      found.push(...same.filter((row) => keys.has(row.key_text)))
    }
    return found
  }

  async function giveWay(db: Kysely<OwnTables>, ids: readonly Int64[]): Promise<number> {
    // Locked, and looked at once more: a key whose rows a mirror has removed meanwhile is clean and stays clean.
    const rows = await db
      .selectFrom('twinspan_journal')
      .select(['id', 'entity', 'key_text', 'marked_at'])
      .where(mine)
      .where('id', 'in', ids)
      .where('attempts', '=', 0)
      .where('parked', '=', 0)
      .orderBy('id')
      .modifyEnd(dialect.forUpdate)
      .execute()
    const keys = [...groupBy(rows, nameOf).values()].filter((same) => same.length > 1)
    if (keys.length === 0) return 0
    const fresh = keys.map((same) => ({
      migration,
      side,
      entity: same[0]?.entity ?? '',
      key_text: same[0]?.key_text ?? '',
      attempts: 0,
      due_at: 0,
      parked: 0,
      marked_at: Math.min(...same.map((row) => Number(row.marked_at))),
    }))
    const gone = keys.flat().map((row) => row.id)
    await db.insertInto('twinspan_journal').values(fresh).execute()
    await db.deleteFrom('twinspan_journal').where(mine).where('id', 'in', gone).execute()
    return gone.length - fresh.length
  }

  return async ({ limit, after }): Promise<Compaction> => {
    const window = await own
      .selectFrom('twinspan_journal')
      .select(['id', 'entity', 'key_text'])
      .where(mine)
      .$if(after !== undefined, (query) => query.where('id', '>', after ?? ''))
      .orderBy('id')
      .limit(limit)
      .execute()
    let removed = 0
    const what = `A compaction of the journal of ${side}`
    // A chunk that cuts a key in two leaves two rows of it, for the next time.
    for (const some of chunks(several(await alike(window)).flat(), ROWS_AT_ONCE)) {
      removed += await transact(database, { what, timeoutMs: TIMEOUT_MS }, async (transaction) => {
        const db = ownIn(transaction)
        await dialect.begin(db, scope, TIMEOUT_MS)
        return giveWay(
          db,
          some.map((row) => row.id),
        )
      })
    }
    return { removed, next: window.length < limit ? undefined : String(window.at(-1)?.id) }
  }
}
