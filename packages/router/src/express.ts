import type { Migration } from '@twinspan/core'
import type { Router } from './router.ts'
import { type RoutedRequestOptions, routedRequest } from './unit-of-work.ts'

export type { RoutedRequestOptions } from './unit-of-work.ts'

/** The part of an Express response that is used. */
export interface ResponseLike {
  once(event: 'finish' | 'close', listener: () => void): unknown
}

/**
 * Express middleware that makes each request one unit of work: it goes by one phase and one decision, whatever happens to the
 * rollout meanwhile. Mount it after whatever says who the user is.
 *
 * @example
 * app.use(routeRequests(migration, router, { unit: (request: Request) => request.session.userId }))
 */
export function routeRequests<Request>(
  migration: Migration,
  router: Router,
  options: RoutedRequestOptions<Request>,
): (request: Request, response: ResponseLike, next: (error?: unknown) => void) => void {
  const routed = routedRequest(migration, router, options, 'routeRequests')
  return (request, response, next) => {
    void routed.begin(
      request,
      (release) => {
        response.once('finish', () => release('now'))
        response.once('close', () => release('later'))
        next()
      },
      next,
    )
  }
}
