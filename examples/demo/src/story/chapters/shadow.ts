import { count } from '../format.ts'
import { ACTOR, counters, type Stage, step, watch } from '../stage.ts'

/** Legacy still answers everything; a sample of the reads is repeated on the target, out of the users' way, and compared. */
export async function shadow(stage: Stage): Promise<void> {
  const { screen, migration } = stage
  screen.phase('shadow', 'legacy answers; a sample of the reads is repeated on the target and compared')
  await step(stage, 'shadow reads', async () => {
    await stage.traffic.call('members-return')
    await migration.advance({ to: 'shadow', actor: ACTOR, reason: 'history is copied' })
    await watch(stage, 4_000)
    const { match = 0, mismatch = 0, lagged = 0, timeout = 0, error = 0 } = (await counters(stage)).shadow
    screen.event(
      `${count(match)} shadow reads agree, ${count(mismatch)} differ, ${count(lagged)} were behind for a moment, ${count(timeout + error)} without an answer`,
      mismatch === 0 ? 'good' : 'bad',
    )
  })
}
