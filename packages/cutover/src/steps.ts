import type { Migration, Phase } from '@twinspan/core'

export interface StepReport {
  readonly step: string
  readonly durationMs: number
}

/** The steps of one move as they happen: timed, told to `migration.events`, and remembered for the result. */
export interface Steps {
  readonly reports: readonly StepReport[]
  /** The step that is under way, or the last one. */
  readonly current: string
  run<T>(step: string, work: () => Promise<T>): Promise<T>
}

export function createSteps(migration: Migration, to: Phase): Steps {
  const reports: StepReport[] = []
  let current = 'gates'
  return {
    reports,
    get current() {
      return current
    },
    async run(step, work) {
      current = step
      const began = migration.now()
      let ok = false
      try {
        const result = await work()
        ok = true
        return result
      } catch (error) {
        // Of two that run side by side, the one that failed.
        current = step
        throw error
      } finally {
        const durationMs = migration.now() - began
        reports.push({ step, durationMs })
        migration.events.emit({ type: 'switch', to, step, durationMs, ok })
      }
    },
  }
}
