import { captured, otherSide, PLANS } from '@twinspan/core'
import type { Gate } from '../gate.ts'

/** The triggers of the primary are complete: no write has passed them by. */
export const captureGate: Gate = {
  name: 'capture-installed',
  async check({ migration, snapshot }) {
    const { primary } = PLANS[snapshot.phase]
    const mode = migration.capture[primary]
    if (mode !== 'trigger') return { ok: true, detail: `captured by ${mode}` }
    const missing = await migration.sides[primary].capture.verify(captured(migration.entities, primary))
    if (missing.length === 0) return { ok: true, detail: `complete on ${primary}` }
    return {
      ok: false,
      detail: `${missing.length} of ${primary}'s triggers missing or altered`,
      advice: `Somebody changed the triggers: install them again and sweep. ${otherSide(primary)} may lack what was written since.`,
      facts: missing,
    }
  },
}
