import { AsyncResource } from 'node:async_hooks'
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
  addHook(
    name: 'onRequest' | 'preValidation' | 'onResponse',
    hook: (request: Request, reply: ReplyLike, done: Done) => void,
  ): unknown
}

interface Held {
  readonly scope: AsyncResource
  readonly release: Release
}

/**
 * A Fastify plugin that makes each request one unit of work: it goes by one phase and one decision, whatever happens to the rollout
 * meanwhile. Register it after whatever says who the user is in `onRequest`.
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
  const held = new WeakMap<Request, Held>()

  function plugin(app: FastifyLike<Request>, _settings: unknown, done: Done): void {
    app.addHook('onRequest', (request, reply, next) => {
      void routed.begin(
        request,
        (release) => {
          held.set(request, { scope: new AsyncResource('twinspan.request'), release })
          reply.raw.once('close', () => release('later'))
          next()
        },
        (error) => next(error instanceof Error ? error : new Error('The unit of a request cannot be told.')),
      )
    })
    // A body arrives in the context of its connection, which knows of no request.
    app.addHook('preValidation', (request, _reply, next) => {
      const scope = held.get(request)?.scope
      if (scope === undefined) next()
      else scope.runInAsyncScope(next)
    })
    app.addHook('onResponse', (request, _reply, next) => {
      held.get(request)?.release('now')
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
