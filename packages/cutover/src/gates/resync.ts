import { readSweepRecord } from '@twinspan/core'
import { forEachEntity, type Gate } from '../gate.ts'
import { readCutoverRecord } from '../record.ts'

/** Legacy holds everything: it never left, or what it missed in `complete` was found by a full sweep and brought back. */
export const legacyInStepGate: Gate = {
  name: 'legacy-in-step',
  async check(context) {
    const { migration } = context
    const { resync } = await readCutoverRecord(migration.store)
    if (resync === null) return { ok: true, detail: 'mirrored without a break' }
    const { epoch, since } = resync
    if (since === null) {
      return {
        ok: false,
        detail: 'legacy came back from complete, and not every process was seen capturing since',
        advice: "Call rollback({ to: 'target-primary', ... }) again: it finishes what was left.",
      }
    }
    return forEachEntity(context, async ({ name }) => {
      const sweep = await readSweepRecord(migration.store, name)
      const advice = `Legacy lacks what was written in complete: run reconcile.sweep(migration, ${name}, { repair: true }) until it finds nothing.`
      const counts =
        sweep?.incarnation === context.snapshot.incarnation && sweep.epoch >= epoch && sweep.startedAt >= since
      if (!counts || sweep.primary !== 'target')
        return { ok: false, detail: 'not swept since legacy came back', advice }
      if (sweep.drift > 0 || sweep.undecided > 0) {
        return {
          ok: false,
          detail: `${sweep.drift} rows differed in the last sweep, ${sweep.undecided} undecided`,
          advice,
        }
      }
      return { ok: true, detail: `${sweep.rows} rows swept since legacy came back` }
    })
  },
}
