import { count } from '../format.ts'
import { ACTOR, type Stage, step, until, watch } from '../stage.ts'

/** Nothing is moved yet: first every write leaves its key in the journal, then the mirror begins to empty it. */
export async function capture(stage: Stage): Promise<void> {
  const { screen, migration } = stage
  screen.phase('off', 'the service as it always was: legacy answers, nothing is captured')
  await step(stage, 'as always', () => watch(stage, 2_000))

  screen.phase('capture', "a write leaves its key in legacy's journal, in its own transaction")
  await step(stage, 'journal fills', async () => {
    await migration.advance({ to: 'capture', actor: ACTOR, reason: 'the demo begins' })
    screen.event('triggers installed on gazetteer and members; every process works by the new phase')
    await watch(stage, 2_500)
    const { depth } = await migration.sides.legacy.journal.stats()
    screen.event(`${count(depth)} keys dirty in the journal, none mirrored yet`)
  })

  screen.phase('dual-write', 'the mirror copies the current state of each dirty key to the target')
  await step(stage, 'mirror starts', async () => {
    await migration.advance({ to: 'dual-write', actor: ACTOR, reason: 'capture is complete' })
    await drained(stage)
    screen.event('the mirror has emptied the journal and keeps up with the users', 'good')
    await watch(stage, 1_000)
  })
}

/** Waits until hardly any key is dirty: the mirror is as fast as the users. */
export async function drained(stage: Stage, timeoutMs = 30_000): Promise<void> {
  const { journal } = stage.migration.sides[stage.migration.snapshot.plan.primary]
  await until('an empty journal', async () => (await journal.stats()).depth < 5, timeoutMs)
}
