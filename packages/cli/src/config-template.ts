/** The engines that a configuration can be written for. */
export const ENGINES = ['sqlite', 'postgres', 'pglite', 'mysql', 'mariadb'] as const

export type Engine = (typeof ENGINES)[number]

export interface TemplateOptions {
  readonly name: string
  readonly legacy: Engine
  readonly target: Engine
  /** The first entity; its tables are called the same. */
  readonly entity: string
}

interface EngineFacts {
  readonly dialect: string
  readonly imports: readonly string[]
  /** From the name of an environment variable to the dialect. */
  connect(variable: string): string
}

const MYSQL: EngineFacts = {
  dialect: 'MysqlDialect',
  imports: ["import { createPool } from 'mysql2'"],
  // Integers beyond 2^53 as they are, and instants by one clock, whatever the machine's zone is.
  connect: (variable) =>
    `new MysqlDialect({
      pool: createPool({
        uri: process.env['${variable}'] ?? 'mysql://localhost/app',
        supportBigNumbers: true,
        timezone: 'Z',
      }),
    })`,
}

const FACTS: Readonly<Record<Engine, EngineFacts>> = {
  sqlite: {
    dialect: 'SqliteDialect',
    imports: ["import SqliteDatabase from 'better-sqlite3'"],
    connect: (variable) =>
      `new SqliteDialect({ database: new SqliteDatabase(process.env['${variable}'] ?? '${variable.toLowerCase()}.db') })`,
  },
  postgres: {
    dialect: 'PostgresDialect',
    imports: ["import pg from 'pg'"],
    connect: (variable) =>
      `new PostgresDialect({
      pool: surviveLostConnections(new pg.Pool({ connectionString: process.env['${variable}'] })),
    })`,
  },
  pglite: {
    dialect: 'PGliteDialect',
    imports: ["import { PGlite } from '@electric-sql/pglite'"],
    connect: (variable) =>
      `new PGliteDialect({ pglite: () => PGlite.create(process.env['${variable}'] ?? '${variable.toLowerCase()}-data') })`,
  },
  mysql: MYSQL,
  mariadb: MYSQL,
}

/** The text of a `twinspan.config.ts` that compiles and says what to fill in. */
export function configTemplate({ name, legacy, target, entity }: TemplateOptions): string {
  const engines = [...new Set([legacy, target])]
  const dialects = ['type Generated', 'Kysely', ...new Set(engines.map((engine) => FACTS[engine].dialect))].sort(byName)
  const kysely = engines.includes('postgres') ? 'kyselySide, surviveLostConnections' : 'kyselySide'
  const table = quoted(entity)
  return `${[
    "import { createMigration, defineEntity, sameColumns } from '@twinspan/core'",
    `import { ${kysely} } from '@twinspan/kysely'`,
    ...new Set(engines.flatMap((engine) => FACTS[engine].imports)),
    `import { ${dialects.join(', ')} } from 'kysely'`,
    "import { defineConfig } from 'twinspan'",
  ].join('\n')}

// Your tables, as each side has them.
interface LegacyTables {
  ${table}: { id: Generated<number>; email: string }
}
interface TargetTables {
  ${table}: { id: Generated<number>; email: string }
}

export default defineConfig(() => {
  const legacyDb = new Kysely<LegacyTables>({
    dialect: ${FACTS[legacy].connect('LEGACY')},
  })
  const targetDb = new Kysely<TargetTables>({
    dialect: ${FACTS[target].connect('TARGET')},
  })
  const legacy = kyselySide(legacyDb)
  const target = kyselySide(targetDb)

  const entity = defineEntity({
    name: ${quote(entity)},
    legacy: legacy.table(${quote(entity)}, { key: 'id' }),
    target: target.table(${quote(entity)}, { key: 'id' }),
    // Legacy column → target column. Where more than names differ: toTarget and toLegacy, functions from row to row.
    ...sameColumns({ id: 'id', email: 'email' }),
  })

  return {
    // The same name, sides and entities as in the service.
    migration: createMigration({ name: ${quote(name)}, legacy, target, entities: [entity] }),
    router: { unit: 'user' },
    async close() {
      await legacyDb.destroy()
      await targetDb.destroy()
    },
  }
})
`
}

function byName(one: string, other: string): number {
  return one.replace('type ', '').localeCompare(other.replace('type ', ''))
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

function quoted(property: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(property) ? property : quote(property)
}
