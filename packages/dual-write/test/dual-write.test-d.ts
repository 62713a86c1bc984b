import { defineEntity, type EntityStore, type Migration } from '@twinspan/core'
import { describe, expectTypeOf, it } from 'vitest'
import { type Decider, dualWrite, local, type Operations, read, write } from '../src/index.ts'

interface Member {
  readonly member_id: number
  readonly mail: string
}
interface User {
  readonly id: number
  readonly email: string
}

declare const migration: Migration
declare const legacyStore: EntityStore<Member>
declare const targetStore: EntityStore<User>
declare const router: Decider
interface Db {
  readonly tables: 'members'
}
declare const db: Db

const users = defineEntity({
  name: 'users',
  legacy: legacyStore,
  target: targetStore,
  toTarget: (row) => ({ id: row.member_id, email: row.mail }),
  toLegacy: (row) => ({ member_id: row.id, mail: row.email }),
})

interface UserRepository {
  findByEmail(email: string): Promise<Member | undefined>
  create(input: { mail: string }): Promise<Member>
  rename(id: number, mail: string, options?: { silent: boolean }): Promise<void>
  /** Overloaded. */
  find(id: number): Promise<Member>
  find(ids: readonly number[]): Promise<readonly Member[]>
  /** Generic. */
  pick<Field extends keyof Member>(id: number, field: Field): Promise<Member[Field]>
  describe(): string
}

class LegacyUsers implements UserRepository {
  // A private field makes the class nominal: the target's class is never assignable to it.
  readonly #db: Db
  constructor(db: Db) {
    this.#db = db
  }
  async findByEmail(_email: string): Promise<Member | undefined> {
    return undefined
  }
  async create(input: { mail: string }): Promise<Member> {
    return { member_id: 1, mail: input.mail }
  }
  async rename(_id: number, _mail: string, _options?: { silent: boolean }): Promise<void> {}
  find(id: number): Promise<Member>
  find(ids: readonly number[]): Promise<readonly Member[]>
  async find(_id: number | readonly number[]): Promise<never> {
    throw new Error()
  }
  async pick<Field extends keyof Member>(_id: number, _field: Field): Promise<Member[Field]> {
    throw new Error()
  }
  describe(): string {
    return this.#db.tables
  }
}

class TargetUsers extends Object implements UserRepository {
  readonly #db: Db
  constructor(db: Db) {
    super()
    this.#db = db
  }
  async findByEmail(_email: string): Promise<Member | undefined> {
    return undefined
  }
  async create(input: { mail: string }): Promise<Member> {
    return { member_id: 1, mail: input.mail }
  }
  async rename(_id: number, _mail: string, _options?: { silent: boolean }): Promise<void> {}
  find(id: number): Promise<Member>
  find(ids: readonly number[]): Promise<readonly Member[]>
  async find(_id: number | readonly number[]): Promise<never> {
    throw new Error()
  }
  async pick<Field extends keyof Member>(_id: number, _field: Field): Promise<Member[Field]> {
    throw new Error()
  }
  describe(): string {
    return this.#db.tables
  }
}

const operations: Operations<UserRepository> = {
  findByEmail: read({ unit: (email) => email }),
  create: write({ key: (_input, created) => created.member_id }),
  rename: write({ key: (id) => id }),
  find: read(),
  pick: read(),
  describe: local(),
}

describe('dualWrite', () => {
  it('returns exactly the type that it wraps, generics and overloads included', () => {
    const wrapped = dualWrite<UserRepository>(migration, users, {
      legacy: new LegacyUsers(db),
      target: new TargetUsers(db),
      operations: {
        findByEmail: read({ unit: (email) => email, key: (email) => email.length }),
        create: write({ key: (input, created) => created.member_id + input.mail.length }),
        rename: write({ key: (id) => id, waitForMirror: { budgetMs: 50 } }),
        find: read(),
        pick: read({ unit: (id) => String(id) }),
        describe: local(),
      },
      router,
    })
    expectTypeOf(wrapped).toEqualTypeOf<UserRepository>()
    const bare: UserRepository = wrapped
    const back: typeof wrapped = bare
    expectTypeOf(back.pick(1, 'mail')).toEqualTypeOf<Promise<string>>()
    expectTypeOf(back.find(1)).toEqualTypeOf<Promise<Member>>()
    expectTypeOf(back.find([1])).toEqualTypeOf<Promise<readonly Member[]>>()
  })

  it('infers the type of the legacy repository, private fields and all, and takes factories', () => {
    const wrapped = dualWrite(migration, users, {
      legacy: (connection: Db) => new LegacyUsers(connection),
      target: (connection) => new TargetUsers(connection),
      operations,
    })
    expectTypeOf(wrapped).toEqualTypeOf<LegacyUsers>()
  })

  it('takes the types of the operations from the annotation of its result', () => {
    const repository: UserRepository = dualWrite(migration, users, {
      legacy: new LegacyUsers(db),
      target: new TargetUsers(db),
      operations: {
        findByEmail: read({ unit: (email) => email.trim() }),
        create: write({ key: (_input, created) => created.member_id }),
        rename: write({ key: (id) => id }),
        find: read(),
        pick: read(),
        describe: local(),
      },
      router,
    })
    expectTypeOf(repository).toEqualTypeOf<UserRepository>()
  })

  it('does not compile without an operation for every method', () => {
    const { rename: _, ...forgotten } = operations
    dualWrite<UserRepository>(migration, users, {
      legacy: new LegacyUsers(db),
      target: new TargetUsers(db),
      // @ts-expect-error rename is not classified
      operations: forgotten,
    })
  })

  it('does not compile with an operation that names no method', () => {
    dualWrite<UserRepository>(migration, users, {
      legacy: new LegacyUsers(db),
      target: new TargetUsers(db),
      // @ts-expect-error there is no method of that name
      operations: { ...operations, renmae: write({ key: (id: number) => id }) },
    })
  })

  it('does not compile without the key of a write', () => {
    // @ts-expect-error a write names its key
    write({})
    // @ts-expect-error a write names its key or its keys, not both
    write({ key: () => 1, keys: () => [1] })
    // @ts-expect-error a key is no boolean
    write({ key: () => true })
    write({ key: (id: number) => id, mirror: 'call', ignoreFields: ['updated'] })
    // @ts-expect-error only the write of one key can be rehearsed
    write({ keys: () => [1], mirror: 'call' })
  })

  it('does not compile when a method that answers at once is routed', () => {
    dualWrite<UserRepository>(migration, users, {
      legacy: new LegacyUsers(db),
      target: new TargetUsers(db),
      // @ts-expect-error describe() is no promise
      operations: { ...operations, describe: read() },
    })
  })

  it('does not compile with a target of another surface', () => {
    dualWrite<UserRepository>(migration, users, {
      legacy: new LegacyUsers(db),
      // @ts-expect-error the target has no methods
      target: { describe: () => '' },
      operations,
    })
  })
})

describe('defineEntity', () => {
  it('does not compile without a translation, or with one that leaves out a column', () => {
    // @ts-expect-error toTarget is missing
    defineEntity({
      name: 'users',
      legacy: legacyStore,
      target: targetStore,
      toLegacy: (row) => ({ member_id: row.id, mail: '' }),
    })
    // @ts-expect-error toLegacy is missing
    defineEntity({
      name: 'users',
      legacy: legacyStore,
      target: targetStore,
      toTarget: (row) => ({ id: row.member_id, email: '' }),
    })
    defineEntity({
      name: 'users',
      legacy: legacyStore,
      target: targetStore,
      // @ts-expect-error email is missing
      toTarget: (row) => ({ id: row.member_id }),
      toLegacy: (row) => ({ member_id: row.id, mail: row.email }),
    })
  })

  it('fits into the entities of a migration whatever its rows are', () => {
    expectTypeOf([users]).toExtend<Migration['entities']>()
  })
})
