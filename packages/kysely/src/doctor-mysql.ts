import { phasesThatCapture, phasesThatWrite, type SideFinding } from '@twinspan/core'
import { type Kysely, sql } from 'kysely'
import { type Patient, unwritable } from './doctor-patient.ts'
import { groupBy } from './group-by.ts'
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
  captured,
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
  const cascades = await unseenCascades(own, captured)
  if (cascades.length > 0) {
    findings.push({
      name: 'cascades',
      severity: 'refuse',
      detail: `triggers do not see what foreign keys cascade (${cascades.join(', ')})`,
      refuses: phasesThatCapture(scope.side),
    })
  }
  return findings
}

interface CascadeRow {
  readonly name: string
  readonly column: string
  readonly referred: string
  readonly referred_column: string
}

/**
 * Foreign keys of captured tables whose actions change rows without firing a trigger, by name. One from a part to its
 * record's key does no harm: the record's own trigger marks the key.
 */
async function unseenCascades(db: Kysely<OwnTables>, captured: Patient['captured']): Promise<readonly string[]> {
  const found = new Set<string>()
  for (const table of captured) {
    const { rows } = await sql<CascadeRow>`
      select k.constraint_name as name, k.column_name as \`column\`, k.referenced_table_name as referred,
        k.referenced_column_name as referred_column
      from information_schema.referential_constraints r join information_schema.key_column_usage k
        on k.constraint_schema = r.constraint_schema and k.constraint_name = r.constraint_name
        and k.table_name = r.table_name
      where r.constraint_schema = ${table.facts.schema} and r.table_name = ${table.facts.name}
        and (r.delete_rule in ('CASCADE', 'SET NULL', 'SET DEFAULT') or r.update_rule in ('CASCADE', 'SET NULL', 'SET DEFAULT'))
      order by k.constraint_name, k.ordinal_position`.execute(db)
    for (const [name, columns] of groupBy(rows, (row) => row.name)) {
      if (!captured.some((record) => isOwn(table, record, columns))) found.add(`${table.facts.name}.${name}`)
    }
  }
  return [...found]
}

function isOwn(
  part: Patient['captured'][number],
  record: Patient['captured'][number],
  columns: readonly CascadeRow[],
): boolean {
  if (!part.part || record.part || record.entity !== part.entity || record.facts.name !== columns[0]?.referred)
    return false
  const pairs = part.key.map((column, index) => [column, record.key[index]])
  return (
    pairs.length === columns.length &&
    columns.every((row) => pairs.some(([own, referred]) => own === row.column && referred === row.referred_column))
  )
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
