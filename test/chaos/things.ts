import { type Kysely, sql } from 'kysely'

/** What the users do. Every value is unique in the campaign. */
export interface Things {
  put(key: number, value: string): Promise<void>
  /** A row with a code of its own, that it can swap. */
  place(key: number, value: string): Promise<void>
  remove(key: number): Promise<void>
  /** Deletes the row and inserts another one, in one transaction. */
  replace(key: number, value: string): Promise<void>
  /** Reads the row under its lock and overwrites it, in one transaction. Answers with what it was. */
  exchange(key: number, value: string): Promise<string | null>
  /** Writes two rows in one transaction. */
  pair(keys: readonly [number, number], value: string): Promise<void>
  /** Gives a row another key, whose row goes. Says whether there was a row. */
  move(from: number, to: number, value: string): Promise<boolean>
  /** Two rows swap their unique codes. Says whether there were two. */
  swap(keys: readonly [number, number], value: string): Promise<boolean>
  find(key: number): Promise<string | null>
}

interface Shape {
  readonly table: string
  readonly key: string
  readonly text: string
  readonly code: string
}

export const LEGACY_SHAPE: Shape = { table: 'things', key: 'thing_id', text: 'txt', code: 'code' }
export const TARGET_SHAPE: Shape = { table: 'items', key: 'id', text: 'label', code: 'mark' }

/** The application's repository of either side. */
export class TableThings implements Things {
  readonly #db: Kysely<unknown>
  readonly #shape: Shape
  readonly #beforeCommit: () => Promise<void>

  constructor(db: Kysely<unknown>, shape: Shape, beforeCommit: () => Promise<void>) {
    this.#db = db
    this.#shape = shape
    this.#beforeCommit = beforeCommit
  }

  async put(key: number, value: string): Promise<void> {
    await this.#upsert(this.#db, key, value, null)
  }

  async place(key: number, value: string): Promise<void> {
    await this.#upsert(this.#db, key, value, `c${value}`)
  }

  async remove(key: number): Promise<void> {
    await this.#delete(this.#db, key)
  }

  async replace(key: number, value: string): Promise<void> {
    await this.#atOnce(async (db) => {
      await this.#delete(db, key)
      await this.#upsert(db, key, value, null)
    })
  }

  async exchange(one: number, value: string): Promise<string | null> {
    const { table, key, text } = this.#shape
    return this.#atOnce(async (db) => {
      const { rows } = await sql<{ value: string }>`select ${sql.ref(text)} as value from ${sql.table(table)}
        where ${sql.ref(key)} = ${one} for update`.execute(db)
      await this.#upsert(db, one, value, null)
      return rows[0]?.value ?? null
    })
  }

  async pair(keys: readonly [number, number], value: string): Promise<void> {
    await this.#atOnce(async (db) => {
      for (const key of keys.toSorted((a, b) => a - b)) await this.#upsert(db, key, value, null)
    })
  }

  async move(from: number, to: number, value: string): Promise<boolean> {
    const { table, key, text } = this.#shape
    return this.#atOnce(async (db) => {
      const held = await this.#codes(db, [from, to])
      if (!held.has(from)) return false
      await this.#delete(db, to)
      await sql`update ${sql.table(table)} set ${sql.ref(key)} = ${to}, ${sql.ref(text)} = ${value}
        where ${sql.ref(key)} = ${from}`.execute(db)
      return true
    })
  }

  async swap(keys: readonly [number, number], value: string): Promise<boolean> {
    const { table, key, text, code } = this.#shape
    const [first, second] = keys
    return this.#atOnce(async (db) => {
      const held = await this.#codes(db, keys)
      if (held.size < 2) return false
      const set = (one: number, next: string | null): Promise<unknown> =>
        sql`update ${sql.table(table)} set ${sql.ref(code)} = ${next}, ${sql.ref(text)} = ${value}
          where ${sql.ref(key)} = ${one}`.execute(db)
      await set(first, null)
      await set(second, held.get(first) ?? null)
      await set(first, held.get(second) ?? null)
      return true
    })
  }

  async find(one: number): Promise<string | null> {
    const { table, key, text } = this.#shape
    const { rows } = await sql<{ value: string }>`select ${sql.ref(text)} as value from ${sql.table(table)}
      where ${sql.ref(key)} = ${one}`.execute(this.#db)
    return rows[0]?.value ?? null
  }

  async #upsert(db: Kysely<unknown>, one: number, value: string, next: string | null): Promise<void> {
    const { table, key, text, code } = this.#shape
    const insert = sql`insert into ${sql.table(table)} (${sql.ref(key)}, ${sql.ref(text)}, ${sql.ref(code)})
      values (${one}, ${value}, ${next})`
    const update = sql`${sql.ref(text)} = ${value}, ${sql.ref(code)} = ${next}`
    await (isMysql(db)
      ? sql`${insert} on duplicate key update ${update}`
      : sql`${insert} on conflict (${sql.ref(key)}) do update set ${update}`
    ).execute(db)
  }

  async #delete(db: Kysely<unknown>, one: number): Promise<void> {
    const { table, key } = this.#shape
    await sql`delete from ${sql.table(table)} where ${sql.ref(key)} = ${one}`.execute(db)
  }

  /** The codes of these rows, locked in the order of their keys. */
  async #codes(db: Kysely<unknown>, keys: readonly number[]): Promise<ReadonlyMap<number, string | null>> {
    const { table, key, code } = this.#shape
    const { rows } = await sql<{ key: number; code: string | null }>`
      select ${sql.ref(key)} as ${sql.ref('key')}, ${sql.ref(code)} as ${sql.ref('code')} from ${sql.table(table)}
      where ${sql.ref(key)} in (${sql.join(keys)}) order by ${sql.ref(key)} for update`.execute(db)
    return new Map(rows.map((row) => [Number(row.key), row.code]))
  }

  /** In a transaction: the one that the wrapper runs the method in, else one of its own. */
  #atOnce<T>(work: (db: Kysely<unknown>) => Promise<T>): Promise<T> {
    if (this.#db.isTransaction) return work(this.#db)
    return this.#db.transaction().execute(async (transaction) => {
      const result = await work(transaction)
      await this.#beforeCommit()
      return result
    })
  }
}

function isMysql(db: Kysely<unknown>): boolean {
  return !db.getExecutor().adapter.supportsReturning
}
