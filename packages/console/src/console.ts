import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Migration } from '@twinspan/core'
import { admit } from './access.ts'
import { act } from './act.ts'
import { type Asset, asset } from './assets.ts'
import { type ActionName, type ConsoleOptions, type Settings, settingsOf, type Visitor } from './options.ts'
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
  /** Answers every request. Never rejects. */
  serve(exchange: Exchange<Request>): Promise<void>
}

type Answer<Request> = (exchange: Exchange<Request>, visitor: Visitor) => Promise<void>

const ACTION = /^\/api\/actions\/(kill|rollback|advance)$/
const ASSET = /^\/assets\/([\w.]+)$/

export function createConsole<Request>(migration: Migration, options: ConsoleOptions<Request>): Console<Request> {
  const settings = settingsOf(options)
  const reporter = createReporter(migration, settings)
  const streams = createStreams(reporter, settings)
  migration.onStop(async () => {
    streams.close()
    reporter.stop()
  })

  /** What can be looked at. A new page is a new row; actions are below. */
  const pages: Readonly<Record<string, Answer<Request>>> = {
    '/': page,
    '/api/status': async ({ response }) => sendJson(response, 200, await reporter.status()),
    '/api/me': async ({ response }, visitor) => sendJson(response, 200, me(visitor, migration, settings)),
    '/api/events': async ({ response }) => {
      if (!streams.open(response)) sendRefusal(response, REFUSALS.busy)
    },
  }

  async function answer(exchange: Exchange<Request>): Promise<void> {
    const { raw, response, request, path } = exchange
    const access = await admit(raw, request, settings)
    if (!access.granted) return sendRefusal(response, access.refusal)
    const action = ACTION.exec(path)?.[1] as ActionName | undefined
    if (action !== undefined) return order(action, exchange, access.visitor)
    const found = Object.hasOwn(pages, path) ? pages[path] : fileAt(path)
    if (found === undefined) return sendRefusal(response, REFUSALS.notFound)
    if (raw.method !== 'GET' && raw.method !== 'HEAD') return sendRefusal(response, REFUSALS.method)
    await found(exchange, access.visitor)
  }

  async function order(name: ActionName, { raw, response, body }: Exchange<Request>, visitor: Visitor): Promise<void> {
    if (settings.actions[name] === undefined) return sendRefusal(response, REFUSALS.notFound)
    if (raw.method !== 'POST') return sendRefusal(response, REFUSALS.method)
    // A form cannot set a header, and a script of another origin has to ask first and is told nothing.
    if (raw.headers['x-twinspan-console'] !== '1') return sendRefusal(response, REFUSALS.header)
    if (raw.headers.origin === undefined) return sendRefusal(response, REFUSALS.origin)
    if (!isTrusted(visitor)) return sendRefusal(response, REFUSALS.mayNotAct)
    const given = await readBody(raw, body)
    if (given === undefined) return sendRefusal(response, REFUSALS.body)
    const outcome = await act(name, given, visitor, migration, settings.actions)
    if (outcome.done) return sendJson(response, 200, { done: true })
    if ('refusal' in outcome) return sendRefusal(response, outcome.refusal)
    sendJson(response, 409, { error: 'failed', text: outcome.failed })
  }

  return {
    async serve(exchange) {
      const { response } = exchange
      try {
        await answer(exchange)
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

function fileAt(path: string): Answer<unknown> | undefined {
  const found = asset(ASSET.exec(path)?.[1] ?? '')
  return found && (async ({ response }) => sendAsset(response, await found))
}

function sendAsset(response: ServerResponse, found: Asset | undefined): void {
  if (found === undefined) sendRefusal(response, REFUSALS.notFound)
  else send(response, 200, found.type, found.body)
}
