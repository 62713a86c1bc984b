import { parseRollout, ROLLOUT_DOCUMENT, stands } from '@twinspan/core'
import type { Gate, GateVerdict } from '../gate.ts'

const UNREADABLE: GateVerdict = {
  ok: false,
  detail: 'the rollout was written by a version that this one cannot read',
  advice: 'Ask from a process of the version that wrote it.',
}

/** Everybody reads from the target already. */
export const canaryGate: Gate = {
  name: 'canary-complete',
  async check({ migration, snapshot, settings }) {
    const document = await migration.store.getDocument(ROLLOUT_DOCUMENT)
    if (document === undefined) return { ok: true, detail: 'no router in use' }
    const rollout = parseRollout(document.value)
    if (rollout === undefined) return UNREADABLE
    const percent = stands(rollout, snapshot) ? rollout.percent : '0'
    if (percent !== '100') {
      return {
        ok: false,
        detail: `${percent} % of the units read from target`,
        advice: "Ramp up: router.setPercent('100', ...).",
      }
    }
    const stoodMs = migration.now() - rollout.since
    if (stoodMs < settings.canaryDwellMs) {
      return {
        ok: false,
        detail: `at 100 % for ${Math.round(stoodMs / 1_000)} s of ${Math.round(settings.canaryDwellMs / 1_000)} s`,
        advice: 'Wait.',
      }
    }
    return { ok: true, detail: 'at 100 %' }
  },
}

/** The guard has not pulled the canary back. */
export const guardGate: Gate = {
  name: 'guard-not-latched',
  async check({ migration }) {
    const document = await migration.store.getDocument(ROLLOUT_DOCUMENT)
    if (document === undefined) return { ok: true, detail: 'no router in use' }
    const killed = parseRollout(document.value)?.killed
    if (killed === undefined) return UNREADABLE
    if (killed === null) return { ok: true, detail: 'not latched' }
    return {
      ok: false,
      detail: `killed by ${killed.actor} at ${new Date(killed.at).toISOString()}`,
      advice: 'Find out why, then router.rearm(...) and ramp up again.',
    }
  },
}
