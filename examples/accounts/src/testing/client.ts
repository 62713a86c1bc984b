import { request } from 'node:http'

export interface Reply {
  readonly status: number
  readonly body: unknown
  readonly cookie: string | undefined
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

export interface Asking {
  readonly cookie?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
}

/** Asks a service, over a connection of its own. */
export interface Client {
  send(method: string, path: string, body?: unknown, asking?: Asking): Promise<Reply>
  login(email: unknown, password: unknown, cookie?: string): Promise<Reply>
  /** The status of `GET /me`. */
  me(cookie: string | undefined): Promise<number>
}

export function createClient(url: () => string): Client {
  const send: Client['send'] = (method, path, body, { cookie, headers = {} } = {}) =>
    new Promise((resolve, reject) => {
      const raw = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body)
      const sent = request(
        new URL(path, url()),
        {
          method,
          agent: false,
          headers: {
            ...(raw === undefined ? {} : { 'content-type': 'application/json' }),
            ...(cookie === undefined ? {} : { cookie }),
            ...headers,
          },
        },
        (response) => {
          let text = ''
          response.setEncoding('utf8')
          response.on('error', reject)
          response.on('data', (chunk: string) => {
            text += chunk
          })
          response.on('end', () => {
            const isJson = response.headers['content-type']?.startsWith('application/json') ?? false
            resolve({
              status: response.statusCode ?? 0,
              body: isJson ? (JSON.parse(text) as unknown) : text === '' ? undefined : text,
              cookie: response.headers['set-cookie']?.[0]?.split(';')[0],
              headers: response.headers,
            })
          })
        },
      )
      sent.on('error', reject)
      sent.end(raw)
    })
  return {
    send,
    login: (email, password, cookie) => send('POST', '/login', { email, password }, { cookie }),
    me: async (cookie) => (await send('GET', '/me', undefined, { cookie })).status,
  }
}
