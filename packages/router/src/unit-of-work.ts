import { InvalidOptionError, type Migration, numberOption } from '@twinspan/core'
import type { Router } from './router.ts'
import { functionOption } from './router-options.ts'
import { type DecisionSampling, sampledDecisions } from './telemetry.ts'

export interface RoutedRequestOptions<Request> {
  /**
   * Whom a request is served for, in the words of the router's `unit`. `undefined`: nobody in particular, which is legacy's. Called
   * first, so that whoever says who the user is has to come before.
   *
   * @example
   * (request) => request.session?.userId
   */
  readonly unit: (request: Request) => string | undefined
  /** The unit's tenant, for tenants that are pinned. @default the router's `tenantOf` */
  readonly tenant?: (request: Request) => string | undefined
  /**
   * How long a request whose client has gone keeps its decision, in case it is still at work.
   *
   * @default 30_000
   */
  readonly lingerMs?: number
  /** Tells the trace of some requests what was decided. @default false */
  readonly trace?: DecisionSampling | false
}

/** One request as a unit of work. */
export interface RoutedRequest<Request> {
  /** Runs `work`, and everything that it begins, by one snapshot and one decision; `failed` gets what `unit` threw. */
  begin(request: Request, work: (release: Release) => void, failed: (error: unknown) => void): Promise<void>
}

/** Lets go of the decision: the request is over (`now`), or its client has gone and it may still be at work (`later`). */
export type Release = (when: 'now' | 'later') => void

export function routedRequest<Request>(
  migration: Migration,
  router: Router,
  options: RoutedRequestOptions<Request>,
  where: string,
): RoutedRequest<Request> {
  const { trace = false } = options
  const unitOf = functionOption('unit', options.unit)
  const tenantOf = functionOption('tenant', options.tenant)
  if (unitOf === undefined) throw new InvalidOptionError('unit', undefined, 'a function', where)
  const lingerMs = numberOption('lingerMs', options.lingerMs, 30_000, { min: 0 })
  const tell = trace === false ? () => {} : sampledDecisions(migration, trace)

  return {
    async begin(request, work, failed) {
      let unit: string | undefined
      let tenant: string | undefined
      try {
        unit = unitOf(request)
        tenant = tenantOf?.(request)
        if (unit !== undefined) await router.prepare(unit)
      } catch (error) {
        failed(error)
        return
      }
      migration.run(
        () => {
          // Pinned by being asked for: whatever is read in this unit of work gets the same answer.
          if (unit !== undefined) tell(unit, router.decide(unit, tenant))
          const own = migration.unitOfWork
          const release = (): void => {
            if (own !== undefined) own.released = true
          }
          work((when) => {
            if (own === undefined || own.released === true) return
            if (when === 'now') release()
            // A handler that is in a transaction when its client goes must not change sides in it.
            else setTimeout(release, lingerMs).unref()
          })
        },
        unit === undefined ? {} : { unit },
      )
    },
  }
}
