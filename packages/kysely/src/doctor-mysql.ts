import { phasesThatCapture, phasesThatWrite, type SideFinding } from '@twinspan/core'
import { type Kysely, sql } from 'kysely'
import { type Patient, unwritable } from './doctor-patient.ts'
import type { OwnTables } from './own-tables.ts'

const VARIABLES = [
  'innodb_flush_log_at_trx_commit',
  'sync_binlog',
  'log_bin',
  'read_only',
  'super_read_only',
  'innodb_read_only',
  'transaction_read_only',
  'tx_read_only',
]

export async function examineMysql({
  database,
  scope,
  prepared,
  untriggered,
}: Patient): Promise<readonly SideFinding[]> {
  const { own } = database
  const findings: SideFinding[] = []
  // `show variables` leaves out what a version does not know, where `@@name` is an error.
  const { rows } = await sql<{ Variable_name: string; Value: string }>`
    show variables where variable_name in (${sql.join(VARIABLES.map((name) => sql.lit(name)))})`.execute(own)
  const variables = new Map(rows.map((row) => [row.Variable_name.toLowerCase(), row.Value]))
  const isOn = (name: string): boolean => !['OFF', '0', ''].includes((variables.get(name) ?? '').toUpperCase())

  const server = ['read_only', 'super_read_only', 'innodb_read_only'].find(isOn)
  const session = ['transaction_read_only', 'tx_read_only'].find(isOn)
  if (server !== undefined) findings.push(unwritable(scope, 'read-only', `${server} is on, as on a replica`))
  else if (session !== undefined) findings.push(unwritable(scope, 'read-only', `${session} is on for the connection`))

  const flush = variables.get('innodb_flush_log_at_trx_commit')
  if (flush !== undefined && flush !== '1' && flush !== '3') {
    findings.push({
      name: 'innodb-flush',
      severity: 'warn',
      detail: `innodb_flush_log_at_trx_commit is ${flush}: a crash can lose the last commits, copies and marks among them`,
    })
  }
  if (isOn('log_bin') && variables.get('sync_binlog') !== '1') {
    findings.push({
      name: 'sync-binlog',
      severity: 'warn',
      detail: `sync_binlog is ${variables.get('sync_binlog')}: after a crash a replica may have other commits than the server`,
    })
  }
  if (!prepared && !(await isGranted(own, 'CREATE', { schema: database.schema }))) {
    findings.push({
      name: 'create-privilege',
      severity: 'refuse',
      detail: `the user may not create tables, and Twinspan's are not there yet`,
      refuses: phasesThatWrite(scope.side),
    })
  }
  const forbidden = []
  for (const table of untriggered) if (!(await isGranted(own, 'TRIGGER', table))) forbidden.push(table.name)
  if (forbidden.length > 0) {
    findings.push({
      name: 'trigger-privilege',
      severity: 'refuse',
      detail: `the user may not create triggers on ${forbidden.join(', ')}`,
      refuses: phasesThatCapture(scope.side),
    })
  }
  return findings
}

/** Whether a privilege is held anywhere that counts. What a role brings is not spelled out by the catalog: it counts as held. */
async function isGranted(
  db: Kysely<OwnTables>,
  privilege: 'CREATE' | 'TRIGGER',
  { schema, name = '' }: { readonly schema: string | undefined; readonly name?: string },
): Promise<boolean> {
  const where = schema === undefined ? sql`database()` : sql`${schema}`
  const user = sql`current_user()`
  // 'name'@'host': the host has no @, the name may.
  const mine = sql`grantee = concat('''', left(${user}, length(${user}) - locate('@', reverse(${user}))), '''@''',
    substring_index(${user}, '@', -1), '''') and privilege_type = ${privilege}`
  const { rows } = await sql<{ held: number | string | null }>`
    select exists(select 1 from information_schema.user_privileges where ${mine})
      or exists(select 1 from information_schema.schema_privileges where ${mine} and ${where} like table_schema)
      or exists(select 1 from information_schema.table_privileges
        where ${mine} and table_schema = ${where} and table_name = ${name})
      or coalesce(current_role(), 'NONE') <> 'NONE' as held`.execute(db)
  return Number(rows[0]?.held ?? 1) !== 0
}
