import { phasesThatCapture, phasesThatWrite, type SideFinding } from '@twinspan/core'
import { type Kysely, sql } from 'kysely'
import { type Patient, unwritable } from './doctor-patient.ts'
import type { OwnTables } from './own-tables.ts'

/** Settings that trade acknowledged commits for speed. */
const DURABILITY = [
  ['fsync', 'fsync', 'fsync is off: a crash of the machine can lose or damage what was committed'],
  [
    'full_page_writes',
    'full-page-writes',
    'full_page_writes is off: a crash of the machine can leave a page half written',
  ],
  [
    'synchronous_commit',
    'synchronous-commit',
    'synchronous_commit is off for this connection: a crash of the server can lose the last commits, copies and marks among them',
  ],
] as const

export async function examinePostgres(patient: Patient): Promise<readonly SideFinding[]> {
  const { database, scope, prepared, captured, untriggered } = patient
  const { own, schema } = database
  const findings: SideFinding[] = []
  const { rows } = await sql<{ recovering: boolean; read_only: string; may_create: boolean | null; schema: string }>`
    select pg_is_in_recovery() as recovering, current_setting('transaction_read_only') as read_only,
      coalesce(${schema ?? null}::text, current_schema()) as schema,
      has_schema_privilege(coalesce(${schema ?? null}::text, current_schema()), 'CREATE') as may_create`.execute(own)
  const [role] = rows
  if (role?.recovering) findings.push(unwritable(scope, 'replica', 'the connection leads to a replica'))
  else if (role?.read_only === 'on') {
    findings.push(unwritable(scope, 'read-only', 'transactions of the connection are read-only by default'))
  }
  const settings = await sql<{ name: string; setting: string }>`
    select name, setting from pg_settings
    where name in (${sql.join(DURABILITY.map(([setting]) => setting))})`.execute(own)
  for (const [setting, name, detail] of DURABILITY) {
    if (settings.rows.some((row) => row.name === setting && row.setting === 'off')) {
      findings.push({ name, severity: 'warn', detail })
    }
  }
  const mayCreate = role?.may_create === true
  if (!prepared && !mayCreate) {
    findings.push({
      name: 'create-privilege',
      severity: 'refuse',
      detail: `the role may not create tables in schema "${role?.schema}", and Twinspan's are not there yet`,
      refuses: phasesThatWrite(scope.side),
    })
  }
  const forbidden = []
  for (const { schema: where, name } of untriggered) {
    const table = sql<boolean>`has_table_privilege(format('%I.%I', ${where ?? role?.schema}::text, ${name}::text), 'TRIGGER')`
    const granted = await sql<{ granted: boolean }>`select ${table} as granted`.execute(own)
    if (granted.rows[0]?.granted !== true) forbidden.push(name)
  }
  // A trigger's function is made in the schema of Twinspan's own tables.
  if (forbidden.length > 0 || (untriggered.length > 0 && prepared && !mayCreate)) {
    const what =
      forbidden.length > 0
        ? `triggers on ${forbidden.join(', ')}`
        : `functions in schema "${role?.schema}" for triggers`
    findings.push({
      name: 'trigger-privilege',
      severity: 'refuse',
      detail: `the role may not create ${what}`,
      refuses: phasesThatCapture(scope.side),
    })
  }
  const heirs = await inherited(own, captured)
  if (heirs.length > 0) {
    findings.push({
      name: 'inheritance',
      severity: 'refuse',
      detail: `rows of tables that inherit are read with ${heirs.join(', ')}, and no trigger of it sees them change`,
      refuses: phasesThatCapture(scope.side),
    })
  }
  return findings
}

/** Captured tables that others inherit from. Partitions are no such: they take over the triggers of their table. */
async function inherited(db: Kysely<OwnTables>, captured: Patient['captured']): Promise<readonly string[]> {
  const found = []
  for (const { facts } of captured) {
    const { rows } = await sql`select 1 from pg_inherits i join pg_class c on c.oid = i.inhparent
      join pg_namespace n on n.oid = c.relnamespace
      where c.relkind = 'r' and n.nspname = ${facts.schema} and c.relname = ${facts.name} limit 1`.execute(db)
    if (rows.length > 0) found.push(facts.name)
  }
  return found
}
