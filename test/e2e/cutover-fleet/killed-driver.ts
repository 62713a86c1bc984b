/**
 * A process that drives a move and is killed right after the step that it is told: `node killed-driver.ts <orders> <phase> <step>`.
 * Run by fleet.ts.
 */
import { CutoverBlockedError, createCutover } from '@twinspan/cutover'
import { by } from '../service.ts'
import type { Orders } from './messages.ts'
import { openMigration } from './migration.ts'

const [orders = 'null', to, fatal] = process.argv.slice(2)
// A lease that is over soon: nobody waits for the dead.
const { migration } = openMigration(JSON.parse(orders) as Orders, { leaseMs: 1_000 })
await migration.start()
migration.events.on('switch', ({ step }) => {
  if (step === fatal) process.kill(process.pid, 'SIGKILL')
})
const cut = createCutover(migration, { lockTimeoutMs: 500, switchTimeoutMs: 1_500 })
for (let left = 20; ; left--) {
  try {
    if (to === 'target-primary') await cut.advance({ to, ...by })
    else await cut.rollback({ to: 'canary', ...by })
    break
  } catch (error) {
    if (!(error instanceof CutoverBlockedError) || left === 0) throw error
    await migration.sleep(300)
  }
}
// Nobody was killed: the step has another name.
process.exit(3)
