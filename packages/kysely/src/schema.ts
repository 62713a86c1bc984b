import { setTimeout as sleep } from 'node:timers/promises'
import { UnavailableError } from '@twinspan/core'
import { type CreateTableBuilder, type Kysely, sql } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import type { Database } from './database.ts'
import type { Dialect, OwnColumn } from './dialect.ts'
import type { OwnTable, OwnTables } from './own-tables.ts'

const HISTORY = 'twinspan_migrations'
const ATTEMPTS = 10

/** Creates or upgrades Twinspan's tables with Kysely's own migrator. Any number of processes may do it at once. */
export async function prepareSchema({ own, dialect, schema }: Database): Promise<void> {
  const where = schema ?? (dialect.engine === 'postgres' ? await currentSchema(own) : undefined)
  const migrations = migrationsFor(dialect, where)
  const migrator = new Migrator({
    db: own,
    provider: { getMigrations: async () => migrations },
    migrationTableName: HISTORY,
    migrationLockTableName: `${HISTORY}_lock`,
    ...(where === undefined ? {} : { migrationTableSchema: where }),
  })
  for (let attempt = 1; ; attempt++) {
    // The usual case costs one small query; the migrator reads the catalog of the whole database.
    if (await isCurrent(own, Object.keys(migrations))) return
    const { error } = await migrator.migrateToLatest()
    if (error === undefined) return
    // SQLite has no lock between processes, and whoever lost the race finds everything made.
    if (attempt === ATTEMPTS)
      throw error instanceof Error ? error : new UnavailableError('Twinspan cannot make its tables.', { cause: error })
    await sleep(attempt * 20)
  }
}

async function isCurrent(own: Kysely<OwnTables>, names: readonly string[]): Promise<boolean> {
  try {
    const history = own as unknown as Kysely<Record<string, { name: string }>>
    const rows = await history.selectFrom(HISTORY).select('name').execute()
    return names.every((name) => rows.some((row) => row.name === name))
  } catch {
    return false
  }
}

async function currentSchema(own: Kysely<OwnTables>): Promise<string | undefined> {
  const { rows } = await sql<{ name: string | null }>`select current_schema() as name`.execute(own)
  return rows[0]?.name ?? undefined
}

function migrationsFor(dialect: Dialect, schema: string | undefined): Record<string, Migration> {
  const create = (names: readonly OwnTable[]) => (db: Kysely<unknown>) =>
    createTables(db as Kysely<OwnTables>, dialect, names)
  const intents: readonly OwnTable[] = ['twinspan_intent', 'twinspan_version']
  const changes: readonly OwnTable[] = ['twinspan_watch', 'twinspan_change']
  const first = (Object.keys(TABLES) as OwnTable[]).filter((name) => ![...intents, ...changes].includes(name))
  return {
    '0001-first': {
      async up(db) {
        await create(first)(db)
        await dialect.indexJournal(db as Kysely<OwnTables>)
      },
    },
    '0002-intents': { up: create(intents) },
    '0003-marks': {
      async up(db) {
        if (dialect.marks !== undefined && schema !== undefined) await sql.raw(dialect.marks.create(schema)).execute(db)
      },
    },
    '0004-changes': { up: create(changes) },
  }
}

type Columns = Readonly<Record<string, OwnColumn | 'text?'>>

const TABLES: Readonly<Record<OwnTable, { readonly key: readonly string[] | 'id'; readonly columns: Columns }>> = {
  twinspan_journal: {
    key: 'id',
    columns: {
      migration: 'name',
      side: 'name',
      entity: 'name',
      key_text: 'key',
      attempts: 'integer',
      due_at: 'integer',
      parked: 'integer',
      error: 'text?',
      marked_at: 'integer',
    },
  },
  twinspan_fence: {
    key: ['migration', 'side'],
    columns: {
      migration: 'name',
      side: 'name',
      revision: 'integer',
      incarnation: 'text',
      epoch: 'integer',
      phase: 'name',
      primary_side: 'name',
      open: 'integer',
      pending: 'text?',
      unrecorded: 'document',
    },
  },
  twinspan_stripe: {
    key: ['migration', 'side', 'stripe'],
    columns: { migration: 'name', side: 'name', stripe: 'integer' },
  },
  twinspan_copying: {
    key: ['migration', 'connection'],
    columns: { migration: 'name', connection: 'integer' },
  },
  twinspan_intent: {
    key: ['migration', 'side', 'call_id', 'place'],
    columns: {
      migration: 'name',
      side: 'name',
      call_id: 'name',
      place: 'integer',
      entity: 'name',
      key_text: 'key',
      known: 'integer',
      quarantined: 'integer',
      held_until: 'integer',
      begun_at: 'integer',
    },
  },
  twinspan_version: {
    key: ['migration', 'side', 'stripe'],
    columns: { migration: 'name', side: 'name', stripe: 'integer', version: 'integer' },
  },
  twinspan_watch: {
    key: ['migration', 'side', 'entity'],
    columns: { migration: 'name', side: 'name', entity: 'name' },
  },
  twinspan_change: {
    key: ['migration', 'side', 'entity', 'key_hash'],
    columns: {
      migration: 'name',
      side: 'name',
      entity: 'name',
      key_hash: 'name',
      key_text: 'key',
      version: 'integer',
    },
  },
  twinspan_state: {
    key: ['migration'],
    columns: { migration: 'name', incarnation: 'text', phase: 'name', epoch: 'integer', definition: 'document' },
  },
  twinspan_audit: {
    key: 'id',
    columns: {
      migration: 'name',
      at: 'integer',
      epoch: 'integer',
      action: 'text',
      from_value: 'text',
      to_value: 'text',
      actor: 'text',
      reason: 'text',
      evidence: 'text?',
    },
  },
  twinspan_lease: {
    key: ['migration', 'instance'],
    columns: {
      migration: 'name',
      instance: 'name',
      epoch: 'integer',
      phase: 'name',
      host: 'text',
      pid: 'integer',
      version: 'text',
      expires_at: 'integer',
    },
  },
  twinspan_document: {
    key: ['migration', 'name'],
    columns: { migration: 'name', name: 'name', value: 'document', version: 'integer' },
  },
  twinspan_claim: {
    key: ['migration', 'name'],
    columns: { migration: 'name', name: 'name', owner: 'text', token: 'integer', expires_at: 'integer' },
  },
  twinspan_finding: {
    key: ['migration', 'kind', 'entity', 'subject'],
    columns: {
      migration: 'name',
      kind: 'name',
      entity: 'name',
      subject: 'name',
      detail: 'document',
      at: 'integer',
    },
  },
}

// Each statement can be repeated: engines without transactional DDL may have been stopped between two of them.
async function createTables(db: Kysely<OwnTables>, dialect: Dialect, names: readonly OwnTable[]): Promise<void> {
  for (const name of names) {
    const { key, columns } = TABLES[name]
    let table: CreateTableBuilder<string, string> = db.schema.createTable(name).ifNotExists()
    if (key === 'id') {
      table = table.addColumn('id', dialect.engine === 'sqlite' ? 'integer' : 'bigint', (id) =>
        dialect.identity(id.primaryKey()),
      )
    }
    for (const [column, type] of Object.entries(columns)) {
      const known = type === 'text?' ? 'text' : type
      table = table.addColumn(column, dialect.typeOf(known) as 'text', (built) =>
        type === 'text?' ? built : built.notNull(),
      )
    }
    if (key !== 'id') table = table.addPrimaryKeyConstraint(`${name}_pk`, [...key])
    await (dialect.tableOptions === undefined ? table : table.modifyEnd(dialect.tableOptions)).execute()
  }
}
