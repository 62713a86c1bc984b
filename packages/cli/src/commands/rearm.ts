import type { Answerable, CommandDefinition } from '../command.ts'
import { tellRollout } from '../tell-rollout.ts'

export const rearm: CommandDefinition<Answerable> = {
  usage: 'rearm',
  summary: 'lift a kill; the rollout begins again at its first step',
  examples: ['rearm --reason "the index is there now"'],
  changes: true,
  async run({ output, open }, { actor, reason }) {
    const router = await (await open()).router()
    await router.rearm({ actor, reason })
    tellRollout(output, router)
    return 'done'
  },
}
