import type { BoundSide, Examination, SideFinding } from '@twinspan/core'
import { sql } from 'kysely'
import { tablesOf } from './captured-tables.ts'
import type { Database } from './database.ts'
import type { Dialect, Scope } from './dialect.ts'
import { examineMysql } from './doctor-mysql.ts'
import type { Patient } from './doctor-patient.ts'
import { examinePostgres } from './doctor-postgres.ts'
import { examineSqlite } from './doctor-sqlite.ts'

const EXAMINERS: Readonly<Record<Dialect['engine'], (patient: Patient) => Promise<readonly SideFinding[]>>> = {
  postgres: examinePostgres,
  mysql: examineMysql,
  sqlite: examineSqlite,
}

/** Settings, roles and privileges of one database. */
export function createExamine(database: Database, scope: Scope): NonNullable<BoundSide['examine']> {
  return async (examination) => examineDatabase(database, scope, await triggeredTables(database, examination))
}

async function examineDatabase(
  database: Database,
  scope: Scope,
  captured: Patient['captured'],
): Promise<readonly SideFinding[]> {
  const untriggered = []
  for (const { facts } of captured) {
    const installed = await database.dialect.installedTriggers(database.own, facts)
    if (installed.size === 0) untriggered.push({ schema: facts.schema, name: facts.name })
  }
  const prepared = await isPrepared(database)
  return EXAMINERS[database.dialect.engine]({ database, scope, prepared, captured, untriggered })
}

async function isPrepared({ own }: Database): Promise<boolean> {
  return own
    .selectFrom('twinspan_journal')
    .select(sql<number>`1`.as('one'))
    .limit(1)
    .execute()
    .then(
      () => true,
      () => false,
    )
}

/** The tables that capture relies on triggers for: none where it does without. */
async function triggeredTables(database: Database, { entities, capture }: Examination): Promise<Patient['captured']> {
  if (capture !== 'trigger') return []
  const tables = []
  for (const entity of entities) {
    for (const table of await tablesOf(entity, database)) tables.push({ ...table, entity: entity.name })
  }
  return tables
}
