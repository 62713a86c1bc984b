import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Migration } from '@twinspan/core'
import { createConsole } from './console.ts'
import type { ConsoleOptions } from './options.ts'

/** The part of a Fastify request that is used. */
export interface FastifyRequestLike {
  readonly raw: IncomingMessage
  readonly body?: unknown
}

/** The part of a Fastify reply that is used. */
export interface FastifyReplyLike {
  readonly raw: ServerResponse
  hijack(): unknown
}

/** The part of a Fastify instance that is used. */
export interface FastifyLike<Request> {
  readonly prefix: string
  all(path: string, handler: (request: Request, reply: FastifyReplyLike) => void): unknown
}

/**
 * The console as a Fastify plugin. Answers everything below its prefix.
 *
 * @throws InvalidOptionError without `authorize`
 * @example
 * await app.register(consolePlugin(migration, { authorize: (request) => request.user?.isAdmin === true }), { prefix: '/twinspan' })
 */
export function consolePlugin<Request extends FastifyRequestLike>(
  migration: Migration,
  options: ConsoleOptions<Request>,
): (app: FastifyLike<Request>, settings: unknown, done: () => void) => void {
  const served = createConsole(migration, options)
  return (app, _settings, done) => {
    const handle = (request: Request, reply: FastifyReplyLike): void => {
      reply.hijack()
      const { raw, body } = request
      const fullPath = (raw.url ?? '/').replace(/[?#].*$/s, '')
      const path = fullPath.slice(app.prefix.length) || '/'
      void served.serve({ raw, response: reply.raw, request, path, fullPath, body })
    }
    app.all('/', handle)
    app.all('/*', handle)
    done()
  }
}
