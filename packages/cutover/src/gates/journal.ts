import { PLANS } from '@twinspan/core'
import type { Gate } from '../gate.ts'

const LOOK_MS = 25

/**
 * The primary's journal is empty, or empties as fast as it fills: what was dirty when the gate looked first is mirrored
 * within `maxLagMs`. The rest is drained behind the fence.
 */
export const journalGate: Gate = {
  name: 'journal-empty',
  async check({ migration, snapshot, settings }) {
    const { journal } = migration.sides[PLANS[snapshot.phase].primary]
    const { maxDirtyKeys, maxLagMs } = settings
    const began = migration.now()
    const looks = Math.ceil(maxLagMs / LOOK_MS)
    for (let look = 0; ; look++) {
      const { depth, oldestAgeMs } = await journal.stats()
      const dirty = `${depth} ${depth === 1 ? 'key' : 'keys'} dirty`
      const facts = { depth, oldestAgeMs }
      if (depth === 0) return { ok: true, detail: 'no key dirty', facts }
      // Everything left is younger than this look: what was there before it has been mirrored.
      const renewed = oldestAgeMs < migration.now() - began
      if (renewed && depth <= maxDirtyKeys)
        return { ok: true, detail: `${dirty}, the oldest for ${Math.round(oldestAgeMs)} ms`, facts }
      if (look >= looks) {
        const advice = renewed
          ? 'Writes outrun the mirror: run more of it, or wait for a quieter hour.'
          : 'Check that a mirror runs (createMirror(migration).start()) and that the secondary answers.'
        return { ok: false, detail: dirty, advice, facts }
      }
      await migration.sleep(LOOK_MS)
    }
  },
}

/** No key has been given up on. */
export const parkedGate: Gate = {
  name: 'nothing-parked',
  async check({ migration, snapshot }) {
    const { parked } = await migration.sides[PLANS[snapshot.phase].primary].journal.stats()
    if (parked === 0) return { ok: true, detail: 'nothing parked' }
    return {
      ok: false,
      detail: `${parked} ${parked === 1 ? 'row' : 'rows'} parked`,
      advice: 'Read journal.parked() for the reasons, mend them, then journal.retry().',
    }
  },
}
