import type { SideFinding } from '@twinspan/core'
import { sql } from 'kysely'
import { type Patient, unwritable } from './doctor-patient.ts'

export async function examineSqlite({ database, scope, prepared }: Patient): Promise<readonly SideFinding[]> {
  const { own } = database
  const { rows } = await sql<{ file: string; journal: string; synchronous: number | bigint; queries: number | bigint }>`
    select (select file from pragma_database_list where name = 'main') as file,
      (select journal_mode from pragma_journal_mode) as journal,
      (select synchronous from pragma_synchronous) as synchronous,
      (select query_only from pragma_query_only) as queries`.execute(own)
  const [facts] = rows
  if (facts === undefined) return []
  const findings: SideFinding[] = []
  if (Number(facts.queries) !== 0 || (prepared && (await refusesWrites(own)))) {
    findings.push(unwritable(scope, 'read-only', 'the connection was opened for reading only'))
  }
  if (facts.file === '' || facts.file === null) {
    return [...findings, { name: 'in-memory', severity: 'warn', detail: 'the database ends with its process' }]
  }
  if (['off', 'memory'].includes(facts.journal)) {
    const detail = `journal_mode is ${facts.journal}: a crash in the middle of a commit can damage the file`
    findings.push({ name: 'journal-mode', severity: 'warn', detail })
  }
  const level = ['off', 'normal'][Number(facts.synchronous)]
  if (level !== undefined) {
    const detail = `synchronous is ${level}: a crash of the machine can lose the last commits, copies and marks among them`
    findings.push({ name: 'synchronous', severity: 'warn', detail })
  }
  return findings
}

type Own = Patient['database']['own']

/** A statement that finds nothing to delete is refused all the same where nothing may be written. */
async function refusesWrites(own: Own): Promise<boolean> {
  try {
    await own.deleteFrom('twinspan_copying').where('migration', '=', '').execute()
    return false
  } catch (error) {
    const { code, message = '' } = error as { code?: unknown; message?: string }
    return String(code).startsWith('SQLITE_READONLY') || message.includes('readonly database')
  }
}
