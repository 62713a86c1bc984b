import {
  ErrorCode,
  type EvaluationContext,
  type JsonValue,
  OpenFeatureEventEmitter,
  type Provider,
  ProviderEvents,
  type ResolutionDetails,
} from '@openfeature/server-sdk'
import type { Migration } from '@twinspan/core'
import { textOption } from '@twinspan/core'
import type { Decision } from '../decision.ts'
import type { Router } from '../router.ts'
import { RESULT_REASONS } from '../telemetry.ts'

export interface RouterProviderOptions {
  /** The flag's key. As a boolean it says whether target answers, as a string which side does. @default the migration's name */
  readonly flagKey?: string
  /** The name of the attribute that says whose tenant the unit belongs to. @default 'tenant' */
  readonly tenantAttribute?: string
}

/**
 * The router as an OpenFeature provider, for everybody who wants to know who is in the canary: dashboards, experiments, the frontend.
 * The unit is the context's `targetingKey`. It starts and stops nothing; that is the migration's.
 *
 * @example
 * await OpenFeature.setProviderAndWait(routerProvider(migration, router))
 * await OpenFeature.getClient().getBooleanValue(migration.name, false, { targetingKey: userId })
 */
export function routerProvider(
  migration: Migration,
  router: Router,
  { flagKey = migration.name, tenantAttribute = 'tenant' }: RouterProviderOptions = {},
): Provider {
  textOption('flagKey', flagKey)
  const events = new OpenFeatureEventEmitter()
  let unsubscribe: readonly (() => void)[] = []
  let isBroken = false

  /** A rollout that this process cannot go by is an error until one comes that it can. */
  function tellProblem(): void {
    const { problem } = router.status()
    if ((problem !== null) === isBroken) return
    isBroken = problem !== null
    if (problem === null) events.emit(ProviderEvents.Ready)
    else events.emit(ProviderEvents.Error, { message: problem, errorCode: ErrorCode.GENERAL })
  }

  function decide({ targetingKey, [tenantAttribute]: tenant }: EvaluationContext): Decision {
    return typeof tenant === 'string' ? router.decide(targetingKey, tenant) : router.decide(targetingKey)
  }

  function resolve<T extends boolean | string>(
    asked: string,
    fallback: T,
    context: EvaluationContext,
    read: (decision: Decision) => T,
  ): ResolutionDetails<T> {
    if (asked !== flagKey) return failure(fallback, ErrorCode.FLAG_NOT_FOUND, `The router knows ${flagKey} alone.`)
    const decision = decide(context)
    const { side, reason, epoch } = decision
    // Who has no key is on legacy, which is an answer and no failure; the code says why all the same.
    const problem = reason === 'conflict' ? (router.status().problem ?? undefined) : undefined
    return {
      value: read(decision),
      variant: side,
      reason: RESULT_REASONS[reason],
      flagMetadata: { migration: migration.name, phase: migration.snapshot.phase, epoch, because: reason },
      ...(problem === undefined ? {} : { errorCode: ErrorCode.GENERAL, errorMessage: problem }),
    }
  }

  return {
    metadata: { name: 'twinspan' },
    runsOn: 'server',
    events,

    async initialize() {
      unsubscribe = [
        migration.events.on('rollout', () => {
          tellProblem()
          events.emit(ProviderEvents.ConfigurationChanged, { flagsChanged: [flagKey] })
        }),
        migration.events.on('phase', () => {
          events.emit(ProviderEvents.ConfigurationChanged, { flagsChanged: [flagKey] })
        }),
        migration.events.on('rollout-stale', ({ stale }) => {
          events.emit(stale ? ProviderEvents.Stale : ProviderEvents.Ready)
        }),
      ]
      await router.start()
      tellProblem()
    },

    async onClose() {
      for (const end of unsubscribe) end()
    },

    async resolveBooleanEvaluation(asked, fallback, context) {
      return resolve(asked, fallback, context, ({ side }) => side === 'target')
    },
    async resolveStringEvaluation(asked, fallback, context) {
      return resolve(asked, fallback, context, ({ side }) => side)
    },
    async resolveNumberEvaluation(_asked, fallback) {
      return failure(fallback, ErrorCode.TYPE_MISMATCH, 'A side is no number.')
    },
    async resolveObjectEvaluation<T extends JsonValue>(_asked: string, fallback: T) {
      return failure(fallback, ErrorCode.TYPE_MISMATCH, 'A side is no object.')
    },
  }
}

function failure<T>(value: T, errorCode: ErrorCode, errorMessage: string): ResolutionDetails<T> {
  return { value, reason: 'ERROR', errorCode, errorMessage }
}
