import { count, plural, seconds } from '../format.ts'
import { ACTOR, counters, type Stage, step, until, watch } from '../stage.ts'

/** The target answers a growing share of the visitors. A bug comes with it, and the guard has to find it. */
export async function canary(stage: Stage): Promise<void> {
  const { screen, migration, router } = stage
  screen.phase('canary', 'a growing share of the visitors is answered by the target; legacy takes the writes')
  await step(stage, 'ramp with a bug', async () => {
    await migration.advance({ to: 'canary', actor: ACTOR, reason: 'shadow reads agree' })
    for (const percent of [1, 5, 25]) await ramp(stage, percent, 1_500)
    const before = stage.counts.errors
    await inject(stage, 'error')
    const began = performance.now()
    screen.event("a bug is switched on: the target's repository throws on every read", 'fault')
    await until('a kill by the guard', () => router.status().killed !== null)
    const { killed } = router.status()
    stage.kills.push('canary (by the guard)')
    screen.event(`the guard killed the canary by itself after ${seconds((performance.now() - began) / 1000)}`, 'good')
    screen.detail(killed?.reason ?? '')
    const { reads } = await counters(stage)
    const errors = stage.counts.errors - before
    screen.event(
      `${plural(reads['legacy fallback'] ?? 0, 'read')} fell back to legacy, ${plural(errors, 'error')} at the users`,
      errors === 0 ? 'good' : 'bad',
    )
    await inject(stage, 'none')
    await watch(stage, 500)
  })
  await step(stage, 'ramp to 100 %', async () => {
    await router.rearm({ actor: ACTOR, reason: 'the bug is fixed' })
    screen.event('fixed, and armed again by a person: the ramp begins anew')
    for (const percent of [1, 5, 25, 50, 100]) await ramp(stage, percent, 1_200)
    const { reads } = await counters(stage)
    screen.event(
      `so far ${count(reads['target router'] ?? 0)} reads answered by the target, ${count(reads['legacy dirty'] ?? 0)} kept on legacy because their key was dirty`,
    )
  })
}

async function ramp(stage: Stage, percent: number, ms: number): Promise<void> {
  await stage.router.setPercent(percent, { actor: ACTOR, reason: 'the ramp' })
  stage.screen.event(`${String(percent).padStart(3)} % of the visitors read from the target`)
  await watch(stage, ms)
  const { killed } = stage.router.status()
  if (killed !== null) throw new Error(`A healthy canary was killed at ${percent} %: ${killed.reason}`)
}

async function inject(stage: Stage, fault: 'error' | 'none'): Promise<void> {
  await Promise.all(stage.services.map((service) => service.call('fault', fault)))
}
