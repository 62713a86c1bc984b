import { Agent, request } from 'node:http'

export interface Answer {
  /** `0` when no answer came. */
  readonly status: number
  readonly body: unknown
  /** Milliseconds since 1970, with fractions. */
  readonly sent: number
  readonly answered: number
  /** Why no answer came. */
  readonly failure?: string
}

export type Send = (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>

const TIMEOUT_MS = 10_000

/** A client of one service, with connections that stay open, as a browser's do. Never rejects. */
export function createClient(base: string): Send {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  return (method, path, body, headers = {}) => {
    const payload = body === undefined ? undefined : JSON.stringify(body)
    const sent = clock()
    return new Promise((resolve) => {
      const fail = (error: Error): void =>
        resolve({ status: 0, body: null, sent, answered: clock(), failure: error.message })
      const outgoing = request(
        new URL(path, base),
        {
          agent,
          method,
          timeout: TIMEOUT_MS,
          headers: {
            ...headers,
            ...(payload === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
          },
        },
        (incoming) => {
          const chunks: Buffer[] = []
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
          incoming.on('error', fail)
          incoming.on('end', () => {
            const text = Buffer.concat(chunks).toString()
            resolve({ status: incoming.statusCode ?? 0, body: parse(text), sent, answered: clock() })
          })
        },
      )
      outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)))
      outgoing.on('error', fail)
      outgoing.end(payload)
    })
  }
}

function clock(): number {
  return performance.timeOrigin + performance.now()
}

function parse(text: string): unknown {
  try {
    return text === '' ? null : JSON.parse(text)
  } catch {
    return null
  }
}
