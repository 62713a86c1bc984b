import { type Kysely, sql } from 'kysely'
import type { Account, LegacyDB, TargetDB } from '../two-schemas.ts'
import type { Place } from './stores.ts'

/**
 * What a user's transaction leaves beside its change, on the side where it ran: its name, and what the fence row said of that side at
 * that moment. Read back without any code of ours.
 */
export interface Witness {
  readonly op: string
  readonly epoch: number | string
  readonly primary_side: string
  readonly open: number
}

export interface WitnessDB {
  readonly witness: Witness
  readonly twinspan_fence: {
    readonly migration: string
    readonly side: string
    readonly epoch: number
    readonly primary_side: string
    readonly open: number
  }
}

export type LegacyStore = LegacyDB & WitnessDB
export type TargetStore = TargetDB & WitnessDB

/** The repository of the application: every change is a transaction of two statements. */
export interface Changes {
  create(op: string): Promise<Account>
  award(op: string, id: number): Promise<void>
  remove(op: string, id: number): Promise<void>
}

export async function createWitness(db: Kysely<WitnessDB>, { engine }: Pick<Place, 'engine'>): Promise<void> {
  const text = engine === 'mariadb' ? 'varchar(60)' : 'text'
  await sql`create table witness (op ${sql.raw(text)} primary key, epoch bigint not null, primary_side ${sql.raw(text)} not null, open integer not null)`.execute(
    db,
  )
}

async function testify(db: Kysely<WitnessDB>, side: 'legacy' | 'target', op: string): Promise<void> {
  await db
    .insertInto('witness')
    .columns(['op', 'epoch', 'primary_side', 'open'])
    .expression((eb) =>
      eb
        .selectFrom('twinspan_fence')
        .select(({ val }) => [val(op).as('op'), 'epoch', 'primary_side', 'open'])
        .where('migration', '=', 'accounts')
        .where('side', '=', side),
    )
    .execute()
}

export class LegacyChanges implements Changes {
  readonly #db: Kysely<LegacyStore>
  constructor(db: Kysely<LegacyStore>) {
    this.#db = db
  }

  create(op: string): Promise<Account> {
    return this.#change(op, async (db) => {
      const row = { mail: op, status: 'Active', points: 0 }
      const { insertId } = await db.insertInto('members').values(row).executeTakeFirstOrThrow()
      if (insertId !== undefined) return { id: Number(insertId), email: op, points: 0 }
      const { id } = await db
        .selectFrom('members')
        .select('member_id as id')
        .where('mail', '=', op)
        .executeTakeFirstOrThrow()
      return { id: Number(id), email: op, points: 0 }
    })
  }

  async award(op: string, id: number): Promise<void> {
    await this.#change(op, (db) =>
      db
        .updateTable('members')
        .set((eb) => ({ points: eb('points', '+', 1) }))
        .where('member_id', '=', id)
        .execute(),
    )
  }

  async remove(op: string, id: number): Promise<void> {
    await this.#change(op, (db) => db.deleteFrom('members').where('member_id', '=', id).execute())
  }

  #change<T>(op: string, work: (db: Kysely<LegacyStore>) => Promise<T>): Promise<T> {
    return this.#db.transaction().execute(async (trx) => {
      const result = await work(trx)
      await testify(trx as unknown as Kysely<WitnessDB>, 'legacy', op)
      return result
    })
  }
}

export class TargetChanges implements Changes {
  readonly #db: Kysely<TargetStore>
  constructor(db: Kysely<TargetStore>) {
    this.#db = db
  }

  create(op: string): Promise<Account> {
    return this.#change(op, async (db) => {
      const row = { email: op, active: true, points: 0 }
      const { id } = await db.insertInto('users').values(row).returning('id').executeTakeFirstOrThrow()
      return { id: Number(id), email: op, points: 0 }
    })
  }

  async award(op: string, id: number): Promise<void> {
    await this.#change(op, (db) =>
      db
        .updateTable('users')
        .set((eb) => ({ points: eb('points', '+', 1) }))
        .where('id', '=', id)
        .execute(),
    )
  }

  async remove(op: string, id: number): Promise<void> {
    await this.#change(op, (db) => db.deleteFrom('users').where('id', '=', id).execute())
  }

  #change<T>(op: string, work: (db: Kysely<TargetStore>) => Promise<T>): Promise<T> {
    return this.#db.transaction().execute(async (trx) => {
      const result = await work(trx)
      await testify(trx as unknown as Kysely<WitnessDB>, 'target', op)
      return result
    })
  }
}
