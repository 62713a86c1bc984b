import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Migration } from '@twinspan/core'
import { createConsole } from './console.ts'
import type { ConsoleOptions } from './options.ts'

/** A request of `node:http`, with what Express and Connect add to it. */
type Mounted = IncomingMessage & { readonly originalUrl?: string; readonly body?: unknown }

export interface HandlerOptions<Request> extends ConsoleOptions<Request> {
  /**
   * Where the console is, for servers that do not take it off the URL. Express and Connect do.
   *
   * @default '/'
   */
  readonly path?: string
}

/**
 * The console as a handler for Express, Connect and `node:http`. Answers everything below where it is mounted.
 *
 * @throws InvalidOptionError without `authorize`
 * @example
 * app.use('/twinspan', consoleHandler(migration, { authorize: (request) => request.session.isAdmin }))
 */
export function consoleHandler<Request extends IncomingMessage = IncomingMessage>(
  migration: Migration,
  options: HandlerOptions<Request>,
): (request: Request, response: ServerResponse) => void {
  const served = createConsole(migration, options)
  const prefix = (options.path ?? '/').replace(/\/+$/, '')
  return (request, response) => {
    const raw: Mounted = request
    const fullPath = pathOf(raw.originalUrl ?? raw.url)
    const below = pathOf(raw.url)
    const isBelow = prefix === '' || below === prefix || below.startsWith(`${prefix}/`)
    const path = isBelow ? below.slice(prefix.length) || '/' : '/not-found'
    void served.serve({ raw, response, request, path, fullPath, body: raw.body })
  }
}

function pathOf(url: string | undefined): string {
  return (url ?? '/').replace(/[?#].*$/s, '')
}
