import type { IncomingMessage } from 'node:http'
import { within } from '@twinspan/core'
import { clipText } from './clip.ts'
import type { Settings, Visitor } from './options.ts'
import { REFUSALS, type Refusal } from './refusal.ts'

/** What is known of a request before it is answered. */
export type Access =
  | { readonly granted: true; readonly visitor: Visitor }
  | { readonly granted: false; readonly refusal: Refusal }

/**
 * Decides whether a request is answered at all. The same for every route, and before the route is looked up: who may not
 * see the console does not learn which routes it has.
 */
export async function admit<Request>(
  raw: IncomingMessage,
  request: Request,
  settings: Pick<Settings<Request>, 'authorize' | 'hosts' | 'timeoutMs'>,
): Promise<Access> {
  const host = raw.headers.host?.toLowerCase()
  if (settings.hosts !== undefined && (host === undefined || !settings.hosts.has(host))) return refuse(REFUSALS.host)
  if (!isOwnOrigin(raw, host, settings.hosts)) return refuse(REFUSALS.origin)
  try {
    const answer = await within(settings.timeoutMs, 'authorize', async () => settings.authorize(request))
    if (answer === true) return { granted: true, visitor: { actor: '', mayAct: false } }
    if (typeof answer === 'object' && answer !== null && typeof answer.actor === 'string') {
      return { granted: true, visitor: { actor: clipText(answer.actor), mayAct: answer.mayAct === true } }
    }
  } catch {
    // Whoever cannot be told from a stranger is one.
  }
  return refuse(REFUSALS.unauthorized)
}

/** Whether the request comes from the console's own page, from no page at all, or is somebody who opens the page. */
function isOwnOrigin(
  { headers, method }: IncomingMessage,
  host: string | undefined,
  hosts: ReadonlySet<string> | undefined,
): boolean {
  const site = headers['sec-fetch-site']
  const opensPage =
    method === 'GET' && headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document'
  if (site !== undefined && site !== 'same-origin' && site !== 'none' && !opensPage) return false
  const { origin } = headers
  if (origin === undefined) return true
  try {
    const from = new URL(origin).host
    return from !== '' && (from === host || hosts?.has(from) === true)
  } catch {
    // `null`, the origin of a sandboxed frame, among others.
    return false
  }
}

function refuse(refusal: Refusal): Access {
  return { granted: false, refusal }
}
