import { redact, within } from '@twinspan/core'
import type { Settings } from '../options.ts'
import type { Reading } from './governor.ts'

/** Asks the caller how far legacy's replicas are behind. */
export interface ReplicaWatch {
  /** Why the last answer was none; `null`: it was one. */
  readonly lost: string | null
  readings(): readonly Reading[]
  look(): Promise<void>
}

export function createReplicaWatch(settings: Settings): ReplicaWatch {
  let lagMs: number | null = null
  let lost: string | null = null
  return {
    get lost() {
      return lost
    },
    readings() {
      if (settings.replicaLag === undefined) return []
      return [{ input: 'replica-lag', value: lagMs, limit: settings.maxReplicaLagMs }]
    },
    async look() {
      const { replicaLag, signalTimeoutMs } = settings
      if (replicaLag === undefined) return
      lagMs = null
      try {
        const answer: unknown = await within(signalTimeoutMs, 'replicaLag', async () => replicaLag())
        lagMs = typeof answer === 'number' && answer >= 0 ? answer : null
        lost = lagMs === null ? `it gave ${describe(answer)} where milliseconds are due` : null
      } catch (error) {
        lost = redact(error)
      }
    },
  }
}

function describe(answer: unknown): string {
  return typeof answer === 'number' || answer === null ? String(answer) : `a ${typeof answer}`
}
