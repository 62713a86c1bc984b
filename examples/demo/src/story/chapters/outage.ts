import { count, seconds } from '../format.ts'
import { type Stage, step, watch } from '../stage.ts'
import { drained } from './capture.ts'

const HANG_MS = 2_000
const DOWN_MS = 3_000

/** The target hangs, then it is gone, then it comes back. No user is to notice. */
export async function outage(stage: Stage): Promise<void> {
  const { screen, target, migration } = stage
  const { journal } = migration.sides.legacy
  await step(stage, 'target outage', async () => {
    const before = stage.counts
    target.process.signal('SIGSTOP')
    screen.event('target stopped with SIGSTOP: connections stay open, nothing answers', 'fault')
    await watch(stage, HANG_MS)
    await target.process.kill()
    stage.kills.push('target database')
    screen.event('target killed with SIGKILL: connections are refused', 'fault')
    await watch(stage, DOWN_MS)
    const { depth } = await journal.stats()
    const writes = stage.counts.acknowledged - before.acknowledged
    const errors = stage.counts.errors - before.errors
    screen.event(
      `${count(writes)} writes acknowledged meanwhile, ${count(depth)} keys waiting in the journal, ${count(errors)} errors at the users`,
      errors === 0 ? 'good' : 'bad',
    )
    const back = performance.now()
    await target.restart()
    screen.event('target started again on its data folder')
    await drained(stage)
    screen.event(`journal empty again ${seconds((performance.now() - back) / 1000)} after the start`, 'good')
    await watch(stage, 1_000)
  })
}
