import type { Migration } from '@twinspan/core'
import { type ConsoleStatus, collectStatus } from './collect-status.ts'
import type { Settings } from './options.ts'
import { createAsker } from './part.ts'
import { createRecorder } from './recorder.ts'
import { remembered } from './remembered.ts'

/** Collects the status for everybody who asks: however many watch, the databases are asked once per `refreshMs`. */
export interface Reporter {
  status(): Promise<ConsoleStatus>
  /** Something was changed: whoever asks next is told what is true by then. */
  forget(): void
  stop(): void
}

export function createReporter(
  migration: Migration,
  { plan, timeoutMs, refreshMs }: Pick<Settings<unknown>, 'plan' | 'timeoutMs' | 'refreshMs'>,
): Reporter {
  const recorder = createRecorder(migration)
  const asker = createAsker(timeoutMs)
  let lastPlan = plan && remembered(plan)
  let last: { readonly at: number; readonly status: Promise<ConsoleStatus> } | undefined

  return {
    status() {
      const at = performance.now()
      // A little early is in time: who watches every `refreshMs` would otherwise see every other answer twice.
      if (last === undefined || at - last.at >= refreshMs * 0.8) {
        last = { at, status: collectStatus(migration, { plan: lastPlan, recorder, asker, timeoutMs }) }
      }
      return last.status
    },
    forget() {
      last = undefined
      lastPlan = plan && remembered(plan)
    },
    stop() {
      recorder.stop()
    },
  }
}
