/**
 * A process that drives the switch and is killed right after the step that it is told: `node driver.ts <legacy url> <target url>
 * <step>`. Run by cutover-kill.test.ts.
 */
import { createMigration } from '@twinspan/core'
import { createCutover } from '@twinspan/cutover'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { type LegacyDB, sidesOf, type TargetDB } from './two-schemas.ts'

const [legacyUrl, targetUrl, fatal] = process.argv.slice(2)

function connect<DB>(connectionString: string | undefined): Kysely<DB> {
  return new Kysely<DB>({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString }) }) })
}

const { users, ...sides } = sidesOf(connect<LegacyDB>(legacyUrl), connect<TargetDB>(targetUrl))
const migration = createMigration({ name: 'accounts', ...sides, entities: [users], refreshMs: 200, leaseMs: 1_000 })
await migration.start()
migration.events.on('switch', ({ step }) => {
  if (step === fatal) process.kill(process.pid, 'SIGKILL')
})
await createCutover(migration).advance({ to: 'target-primary', actor: 'driver', reason: 'to be killed' })
