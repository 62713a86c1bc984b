import { PLANS } from '@twinspan/core'
import type { Gate } from '../gate.ts'
import { isToMove, readIdentities } from '../identities.ts'
import { MOVES } from '../moves.ts'

/** The generators of the coming primary can be read, and moved past the keys that the other side made. */
export const identitiesGate: Gate = {
  name: 'sequences-ahead',
  async check({ migration, from, to, settings }) {
    const side = to === MOVES.rollback.to && from === MOVES.rollback.from ? 'legacy' : PLANS.complete.primary
    const states = await readIdentities(migration, side)
    if (states.length === 0) return { ok: true, detail: `no generator on ${side}` }
    const behind = states.filter((state) => isToMove(state, { margin: settings.identityMargin, settled: false }))
    const facts = Object.fromEntries(
      states.map(({ entity, next, taken }) => [entity, { next: String(next), taken: String(taken) }]),
    )
    if (behind.length === 0) return { ok: true, detail: 'ahead', facts }
    const moves = behind.map(
      ({ entity, next, taken }) => `${entity} from ${next} to ${taken + 1n + BigInt(settings.identityMargin)}`,
    )
    return { ok: true, detail: `to be moved: ${moves.join(', ')}`, facts }
  },
}
