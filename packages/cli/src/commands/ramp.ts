import type { Answerable, CommandDefinition } from '../command.ts'
import { tellRollout } from '../tell-rollout.ts'
import { UsageError } from '../usage-error.ts'

export const ramp: CommandDefinition<Answerable> = {
  usage: 'ramp [percent]',
  summary: 'send this share of the units to target; the next step where none is named',
  details: 'Who was in at a lower percentage stays in. Refused while the rollout is killed.',
  examples: ['ramp --reason "one hour without a finding"', 'ramp 25 --reason "quiet night" --actor ops'],
  changes: true,
  async run({ output, open }, { actor, reason }, [wanted]) {
    const session = await open()
    const router = await session.router()
    const { percent, steps } = router.status()
    const next = wanted ?? steps.find((step) => Number(step) > Number(percent))
    if (next === undefined) throw new UsageError(`There is no step after ${percent} %.`)
    const from = wanted === undefined && Number(percent) > 0 ? { from: percent } : {}
    await router.setPercent(next, { actor, reason, ...from })
    tellRollout(output, router)
    // A step that was worked out here does not overrule what somebody did meanwhile.
    return Number(router.status().percent) === Number(next) ? 'done' : 'blocked'
  },
}
