import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Migration } from '@twinspan/core'
import { admit } from './access.ts'
import { act } from './act.ts'
import { ASSETS, type Asset, asset } from './assets.ts'
import { ACTIONS, type ActionName, type ConsoleOptions, type Settings, settingsOf, type Visitor } from './options.ts'
import { readBody } from './read-body.ts'
import { REFUSALS } from './refusal.ts'
import { createReporter } from './reporter.ts'
import { send, sendHead, sendJson, sendRefusal } from './respond.ts'
import { createStreams } from './streams.ts'

/** A request, whichever framework it came through. */
export interface Exchange<Request> {
  readonly raw: IncomingMessage
  readonly response: ServerResponse
  /** What `authorize` is asked about: the framework's own request. */
  readonly request: Request
  /** Below where the console is mounted, beginning with a slash, without the query. */
  readonly path: string
  /** As the browser asked for it, without the query. */
  readonly fullPath: string
  /** What a body parser has made of the body already. */
  readonly body: unknown
}

/** The console of a migration, before it is mounted anywhere. */
export interface Console<Request> {
  /** Where there is something. */
  readonly paths: readonly string[]
  /** Answers every request. Never rejects. */
  serve(exchange: Exchange<Request>): Promise<void>
}

/** What is answered at a path, to those who may see the console. */
interface Route<Request> {
  readonly method: 'GET' | 'POST'
  answer(exchange: Exchange<Request>, visitor: Visitor): Promise<void>
}

export function createConsole<Request>(migration: Migration, options: ConsoleOptions<Request>): Console<Request> {
  const settings = settingsOf(options)
  const reporter = createReporter(migration, settings)
  const streams = createStreams(reporter, settings)
  migration.onStop(async () => {
    streams.close()
    reporter.stop()
  })

  const get = (answer: Route<Request>['answer']): Route<Request> => ({ method: 'GET', answer })
  /** Everything that there is, and the only way to it. */
  const routes: ReadonlyMap<string, Route<Request>> = new Map([
    ['/', get(page)],
    ['/api/status', get(async ({ response }) => sendJson(response, 200, await reporter.status()))],
    ['/api/me', get(async ({ response }, visitor) => sendJson(response, 200, me(visitor, migration, settings)))],
    [
      '/api/events',
      get(async ({ response }) => {
        if (!streams.open(response)) sendRefusal(response, REFUSALS.busy)
      }),
    ],
    ...ACTIONS.map((name): [string, Route<Request>] => [
      `/api/actions/${name}`,
      { method: 'POST', answer: (exchange, visitor) => order(name, exchange, visitor) },
    ]),
    ...ASSETS.map((name): [string, Route<Request>] => [
      `/assets/${name}`,
      get(async ({ response }) => sendAsset(response, await asset(name))),
    ]),
  ])

  async function answer(exchange: Exchange<Request>): Promise<void> {
    const { raw, response, request, path } = exchange
    const access = await admit(raw, request, settings)
    if (!access.granted) return sendRefusal(response, access.refusal)
    const route = routes.get(path)
    if (route === undefined) return sendRefusal(response, REFUSALS.notFound)
    const method = raw.method === 'HEAD' ? 'GET' : raw.method
    if (method !== route.method) return sendRefusal(response, REFUSALS.method)
    await route.answer(exchange, access.visitor)
  }

  async function order(name: ActionName, { raw, response, body }: Exchange<Request>, visitor: Visitor): Promise<void> {
    if (settings.actions[name] === undefined) return sendRefusal(response, REFUSALS.notFound)
    // A form cannot set a header, and a script of another origin has to ask first and is told nothing.
    if (raw.headers['x-twinspan-console'] !== '1') return sendRefusal(response, REFUSALS.header)
    if (raw.headers.origin === undefined) return sendRefusal(response, REFUSALS.origin)
    if (!isTrusted(visitor)) return sendRefusal(response, REFUSALS.mayNotAct)
    const given = await readBody(raw, body)
    if (given === undefined) return sendRefusal(response, REFUSALS.body)
    const outcome = await act(name, given, visitor, migration, settings.actions)
    reporter.forget()
    streams.hurry()
    if (outcome.done) return sendJson(response, 200, { done: true })
    if ('refusal' in outcome) return sendRefusal(response, outcome.refusal)
    sendJson(response, 409, { error: 'failed', text: outcome.failed })
  }

  return {
    paths: [...routes.keys()],
    async serve(exchange) {
      const { response } = exchange
      try {
        // Where requests are units of work this one is none: who watches for an hour would watch the phase of an hour ago.
        await migration.detached(() => answer(exchange))
      } catch {
        if (response.headersSent) response.destroy()
        else sendJson(response, 500, { error: 'failed', text: 'The console failed.' })
      }
    },
  }
}

/** Whoever acts has a name: the audit trail is worth nothing without it. */
function isTrusted({ actor, mayAct }: Visitor): boolean {
  return mayAct === true && actor.trim() !== ''
}

/** What somebody may do here. */
function me<Request>(visitor: Visitor, { name }: Migration, { actions }: Settings<Request>): unknown {
  return { actor: visitor.actor, migration: name, actions: isTrusted(visitor) ? Object.keys(actions) : [] }
}

async function page({ response, fullPath }: Exchange<unknown>): Promise<void> {
  // Without the slash the browser would look for the page's files one level above.
  const last = /\/([^/]+)$/.exec(fullPath)?.[1]
  if (last === undefined) return sendAsset(response, await asset('index.html'))
  sendHead(response, 308, { location: `./${last}/`, 'content-length': '0' })
  response.end()
}

function sendAsset(response: ServerResponse, found: Asset | undefined): void {
  if (found === undefined) sendRefusal(response, REFUSALS.notFound)
  else send(response, 200, found.type, found.body)
}
