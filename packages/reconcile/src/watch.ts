import { type Entity, isOutage, type Migration, numberOption, redact, StalePhaseError } from '@twinspan/core'
import { begin } from './comparison.ts'
import type { Finding } from './drift/finding.ts'
import { compareSettings } from './options.ts'
import { pause } from './pause.ts'
import { type SweepOptions, sweep } from './sweep.ts'

export interface WatchOptions extends SweepOptions {
  /** How long to rest after one sweep, or after one that failed, before the next begins. @default 60_000 */
  readonly restMs?: number
  /** Told of a sweep that failed. The next one is tried all the same. `error` is redacted. */
  readonly onFailure?: (error: string) => void
}

/**
 * Sweeps one time after the other, slowly, until the signal aborts: for the weeks in which both sides are in use. Yields what
 * drifted; each sweep that comes to its end is recorded like any other.
 *
 * An outage, or a change of the primary, ends one sweep and not the watch.
 */
export async function* watch(
  migration: Migration,
  entity: Entity,
  options: WatchOptions = {},
): AsyncGenerator<Finding, void> {
  const { signal, maxPrimaryLoad = 0.1, onFailure = () => {} } = options
  const restMs = numberOption('restMs', options.restMs, 60_000, { min: 0 })
  const settings = compareSettings(options)
  const isOver = (): boolean => signal?.aborted === true
  while (!isOver()) {
    try {
      yield* sweep(migration, entity, { ...options, maxPrimaryLoad })
    } catch (error) {
      if (isOver()) return
      if (!(error instanceof StalePhaseError) && !isOutage(error)) throw error
      onFailure(redact(error))
    }
    await pause(begin(migration, entity, settings), restMs).catch(() => {})
  }
}
