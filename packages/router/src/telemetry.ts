import { createHmac } from 'node:crypto'
import { trace } from '@opentelemetry/api'
import { type Migration, numberOption, textOption } from '@twinspan/core'
import type { Decision, DecisionReason } from './decision.ts'

export interface DecisionSampling {
  /** The share of requests whose trace is told. @default 0.01 */
  readonly rate?: number
  /** Makes the hashes of units this application's own. Without it no unit is told, not even as a hash. */
  readonly hashKey?: string
  readonly random?: () => number
}

/** What OpenFeature calls the reason for a decision. */
export const RESULT_REASONS: Readonly<Record<DecisionReason, string>> = {
  phase: 'STATIC',
  percent: 'SPLIT',
  allow: 'TARGETING_MATCH',
  deny: 'TARGETING_MATCH',
  tenant: 'TARGETING_MATCH',
  bound: 'TARGETING_MATCH',
  killed: 'DISABLED',
  paused: 'DISABLED',
  'no-key': 'DEFAULT',
  unread: 'DEFAULT',
  stale: 'STALE',
  conflict: 'ERROR',
}

/**
 * A decision in the words of OpenTelemetry's conventions for feature flags.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/feature-flags/feature-flags-events/
 */
function flagAttributes(
  migration: string,
  { side, reason, epoch }: Decision,
  unitHash?: string,
): Readonly<Record<string, string>> {
  return {
    'feature_flag.key': migration,
    'feature_flag.provider.name': 'twinspan',
    'feature_flag.result.variant': side,
    'feature_flag.result.reason': RESULT_REASONS[reason].toLowerCase(),
    'feature_flag.version': String(epoch),
    ...(unitHash === undefined ? {} : { 'feature_flag.context.id': unitHash }),
    ...(reason === 'conflict' ? { 'error.type': 'general' } : {}),
  }
}

/** Adds some decisions to the span that is active, as events. */
export function sampledDecisions(
  migration: Migration,
  sampling: DecisionSampling,
): (unit: string | undefined, decision: Decision) => void {
  const rate = numberOption('trace.rate', sampling.rate, 0.01, { min: 0, max: 1 })
  const hashKey = sampling.hashKey === undefined ? undefined : textOption('trace.hashKey', sampling.hashKey)
  const { random = Math.random } = sampling
  return (unit, decision) => {
    if (random() >= rate) return
    const span = trace.getActiveSpan()
    if (span === undefined || !span.isRecording()) return
    const hash = unit === undefined || hashKey === undefined ? undefined : hashOf(hashKey, unit)
    span.addEvent('feature_flag.evaluation', flagAttributes(migration.name, decision, hash))
  }
}

function hashOf(hashKey: string, unit: string): string {
  return createHmac('sha256', hashKey).update(unit).digest('hex').slice(0, 16)
}
