import type { Gate } from '../gate.ts'
import { readCutoverRecord } from '../record.ts'

/** Legacy was kept for the time that was agreed, by the target's clock. */
export const holdGate: Gate = {
  name: 'hold-elapsed',
  async check({ migration, snapshot, settings }) {
    const { completed } = await readCutoverRecord(migration.store)
    if (snapshot.phase !== 'complete' || completed === null)
      return {
        ok: false,
        detail: 'not complete yet',
        advice: "Take the migration to complete first: advance({ to: 'complete', ... }).",
      }
    const clock = await migration.sides.target.fence.read()
    if (clock === undefined)
      return { ok: false, detail: 'the target does not tell the time', advice: 'Check that it answers.' }
    const leftMs = completed.at + settings.holdMs - clock.now
    if (leftMs <= 0) return { ok: true, detail: `complete since ${new Date(completed.at).toISOString()}` }
    return {
      ok: false,
      detail: `${duration(leftMs)} left of ${duration(settings.holdMs)}`,
      advice: 'Wait.',
      facts: { leftMs },
    }
  },
}

/** What legacy held is in an archive that was read back. */
export const archivedGate: Gate = {
  name: 'archived',
  async check({ migration, snapshot }) {
    const { archive, completed } = await readCutoverRecord(migration.store)
    const advice = 'Run archive({ to: directory }).'
    if (archive === null) return { ok: false, detail: 'no archive', advice }
    if (archive.incarnation !== snapshot.incarnation || archive.epoch < (completed?.epoch ?? 0)) {
      return { ok: false, detail: 'the last archive is older than the completion', advice }
    }
    return {
      ok: true,
      detail: `${archive.rows} rows at ${new Date(archive.at).toISOString()}`,
      facts: { manifest: archive.manifest },
    }
  },
}

/** Nobody tried to write legacy, as far as the engine counts. Told, not demanded: a gate of your own can be stricter. */
export const deniedGate: Gate = {
  name: 'denied-writes',
  async check({ migration }) {
    const { opaque, freeze } = migration.sides.legacy
    if (opaque !== undefined)
      return { ok: true, detail: 'legacy is opaque: whether it refuses writes is known to its owner alone' }
    const denied = await freeze.denied()
    return { ok: true, detail: denied === null ? 'not counted by this engine' : `${denied} refused`, facts: { denied } }
  },
}

function duration(ms: number): string {
  const hours = ms / 3_600_000
  return hours >= 48 ? `${(hours / 24).toFixed(1)} days` : `${hours.toFixed(1)} hours`
}
