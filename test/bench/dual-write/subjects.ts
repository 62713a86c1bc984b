import { type CaptureMode, createMigration, defineEntity, type Migration } from '@twinspan/core'
import { createMirror, dualWrite, type Mirror, read, write } from '@twinspan/dual-write'
import { kyselySide } from '@twinspan/kysely'
import type { Kysely } from 'kysely'
import type { Accounts } from './accounts.ts'
import { ROWS } from './load.ts'
import { launchdarkly, naive } from './peers.ts'
import { accountsIn, accountsInTransactions, type Store, type Tables } from './stores.ts'

/** One way of writing, with all that it needs. */
export interface Subject {
  readonly name: string
  readonly accounts: Accounts
  /** Waits until nothing is under way any more, so that the next one has the machine for itself. */
  settle(): Promise<void>
  close(): Promise<void>
}

export interface Ours extends Subject {
  readonly migration: Migration
  readonly mirror: Mirror
}

/** The databases, and a pool on each that all subjects share: only one of them works at a time. */
export interface Ways {
  readonly stores: { readonly legacy: Store; readonly target: Store }
  readonly legacy: Kysely<Tables>
  readonly target: Kysely<Tables>
}

export interface OursOptions {
  readonly capture: CaptureMode
  /** Tells the tables and the migration from others. @default the mode */
  readonly name?: string
  /** Rows that both sides have at the start. @default 20,000 */
  readonly rows?: number
}

async function table({ stores }: Ways, name: string, rows = ROWS): Promise<string> {
  await stores.legacy.createTable(name, rows)
  await stores.target.createTable(name, rows)
  return name
}

const nothing = async (): Promise<void> => {}

export async function bareSubjects(ways: Ways): Promise<readonly Subject[]> {
  const { legacy } = ways
  const name = await table(ways, 'bare')
  return [
    { name: 'bare', accounts: accountsIn(legacy, name), settle: nothing, close: nothing },
    { name: 'bare.transaction', accounts: accountsInTransactions(legacy, name), settle: nothing, close: nothing },
  ]
}

export async function naiveSubject(ways: Ways): Promise<Subject> {
  const { legacy, target } = ways
  const name = await table(ways, 'naive')
  return {
    name: 'naive',
    accounts: naive(accountsIn(legacy, name), accountsIn(target, name)),
    settle: nothing,
    close: nothing,
  }
}

export async function launchdarklySubject(ways: Ways): Promise<Subject> {
  const { legacy, target } = ways
  const name = await table(ways, 'launchdarkly')
  const { accounts, close } = await launchdarkly(accountsIn(legacy, name), accountsIn(target, name))
  return {
    name: 'launchdarkly',
    accounts,
    settle: nothing,
    close: async () => close(),
  }
}

/** Ours in `dual-write`, its mirror at work in this process. */
export async function oursSubject(ways: Ways, { capture, name = capture, rows = ROWS }: OursOptions): Promise<Ours> {
  const { legacy, target } = ways
  const own = await table(ways, `ours_${name}`, rows)
  const [from, to] = [kyselySide(legacy), kyselySide(target)]
  const entity = defineEntity({
    name: 'accounts',
    legacy: from.table(own, { key: 'id' }),
    target: to.table(own, { key: 'id' }),
    toTarget: (row) => row,
    toLegacy: (row) => row,
  })
  const migration = createMigration({ name: `bench-${name}`, legacy: from, target: to, capture, entities: [entity] })
  await migration.start()
  const why = { actor: 'bench', reason: 'bench' }
  await migration.advance({ to: 'capture', ...why })
  await migration.advance({ to: 'dual-write', adoptTarget: true, ...why })
  const mirror = createMirror(migration)
  const { journal } = migration.sides.legacy
  return {
    name: `ours.${name}`,
    migration,
    mirror,
    accounts: dualWrite<Accounts>(migration, entity, {
      legacy: (db: Kysely<Tables>) => accountsIn(db, own),
      target: (db: Kysely<Tables>) => accountsIn(db, own),
      operations: { save: write({ key: (id) => id }), find: read({ key: (id) => id }) },
    }),
    async settle() {
      const end = performance.now() + 10_000
      while (performance.now() < end && (await journal.stats()).depth > 0) await new Promise((r) => setTimeout(r, 20))
    },
    async close() {
      await mirror.stop({ budgetMs: 100 })
      await migration.stop()
    },
  }
}
