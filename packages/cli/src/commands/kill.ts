import type { Answerable, CommandDefinition } from '../command.ts'
import { tellRollout } from '../tell-rollout.ts'

export const kill: CommandDefinition<Answerable> = {
  usage: 'kill',
  summary: 'send everybody back to legacy, until somebody re-arms the rollout',
  details: 'Repeated until it is stored. Other processes follow when they next read the store, within about a second.',
  examples: ['kill --reason "support calls since the last step"'],
  changes: true,
  async run({ host, output, open }, { actor, reason }) {
    const router = await (await open()).router()
    await router.kill({ actor, reason, signal: host.signal })
    tellRollout(output, router)
    return 'done'
  },
}
