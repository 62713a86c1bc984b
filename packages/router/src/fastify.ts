import type { Migration } from '@twinspan/core'
import type { Router } from './router.ts'
import { type Release, type RoutedRequestOptions, routedRequest } from './unit-of-work.ts'

export type { RoutedRequestOptions } from './unit-of-work.ts'

type Done = (error?: Error) => void

/** The part of a Fastify reply that is used. */
export interface ReplyLike {
  readonly raw: { once(event: 'close', listener: () => void): unknown }
}

/** The part of a Fastify instance that is used. */
export interface FastifyLike<Request extends object> {
  addHook(name: 'onRequest' | 'onResponse', hook: (request: Request, reply: ReplyLike, done: Done) => void): unknown
}

/**
 * A Fastify plugin that makes each request one unit of work: it goes by one phase and one decision, whatever happens to the rollout
 * meanwhile. For Fastify 5, which keeps a request's context while its body arrives. Register it after whatever says in `onRequest` who
 * the user is.
 *
 * @example
 * await app.register(routedRequests(migration, router, { unit: (request: FastifyRequest) => request.session.userId }))
 */
export function routedRequests<Request extends object>(
  migration: Migration,
  router: Router,
  options: RoutedRequestOptions<Request>,
): (app: FastifyLike<Request>, settings: unknown, done: Done) => void {
  const routed = routedRequest(migration, router, options, 'routedRequests')
  const releases = new WeakMap<Request, Release>()

  function plugin(app: FastifyLike<Request>, _settings: unknown, done: Done): void {
    app.addHook('onRequest', (request, reply, next) => {
      void routed.begin(
        request,
        (release) => {
          releases.set(request, release)
          reply.raw.once('close', () => release('later'))
          next()
        },
        (error) => next(error instanceof Error ? error : new Error('The unit of a request cannot be told.')),
      )
    })
    app.addHook('onResponse', (request, _reply, next) => {
      releases.get(request)?.('now')
      next()
    })
    done()
  }

  // For every route of the application, not only for those of a plugin's own scope.
  return Object.assign(plugin, {
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: 'twinspan',
  })
}
