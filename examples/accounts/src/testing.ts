import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Admission, argon2id, createAdmission, type ShadowAuth } from '@twinspan/shadow-auth'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createAuth } from './auth.ts'
import type { Config } from './config.ts'
import { type Databases, openDatabases, seed } from './databases.ts'
import { createResets, type Resets } from './resets.ts'
import { createSessions, type Sessions } from './sessions.ts'

export interface ServiceParts {
  readonly auth: ShadowAuth
  readonly sessions: Sessions
  readonly resets: Resets
  readonly config: Pick<Config, 'production' | 'sessionSecret' | 'proxies'>
  readonly attempts?: number
}

export interface RunningService {
  readonly url: string
  /** Ends it as a signal would. */
  close(): Promise<void>
}

interface Reply {
  readonly status: number
  readonly body: unknown
  readonly cookie: string | undefined
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

const WRONG = { error: 'Wrong e-mail address or password.' }
const NEW = 'a much longer password'

/** What a service must do over HTTP, whatever it is written with. */
export function serviceContract(name: string, start: (parts: ServiceParts) => Promise<RunningService>): void {
  describe(`the service on ${name}`, () => {
    let directory: string
    let databases: Databases
    let admission: Admission
    let mails: { to: string; token: string }[]
    let parts: ServiceParts
    let service: RunningService
    let complaints: unknown[]

    beforeEach(async () => {
      complaints = []
      vi.spyOn(console, 'error').mockImplementation((...args) => void complaints.push(...args))
      directory = await mkdtemp(join(tmpdir(), 'twinspan-example-'))
      databases = await openDatabases(directory)
      await seed(databases)
      admission = createAdmission({ permits: 2, queue: 0 })
      const auth = createAuth({ ...databases, admission, hash: argon2id({ m: 64, t: 1 }) })
      mails = []
      const { target } = databases
      parts = {
        auth,
        sessions: createSessions(target),
        resets: createResets({ auth, target, mail: async (to, token) => void mails.push({ to, token }) }),
        config: { production: false, sessionSecret: 'a secret of thirty-two characters', proxies: 0 },
      }
      service = await start(parts)
    })
    afterEach(async () => {
      await service.close()
      await databases.close()
      await rm(directory, { recursive: true, force: true })
      vi.restoreAllMocks()
    })

    const restart = async (changes: Partial<ServiceParts>): Promise<void> => {
      await service.close()
      service = await start({ ...parts, ...changes })
    }
    const send = (
      method: string,
      path: string,
      body?: unknown,
      { cookie, headers = {} }: { cookie?: string | undefined; headers?: Record<string, string> } = {},
    ): Promise<Reply> =>
      new Promise((resolve, reject) => {
        const raw = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body)
        const sent = request(
          new URL(path, service.url),
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
            response.on('data', (chunk: string) => {
              text += chunk
            })
            response.on('end', () =>
              resolve({
                status: response.statusCode ?? 0,
                body: text === '' ? undefined : (JSON.parse(text) as unknown),
                cookie: response.headers['set-cookie']?.[0]?.split(';')[0],
                headers: response.headers,
              }),
            )
          },
        )
        sent.on('error', reject)
        sent.end(raw)
      })
    const login = (email: unknown, password: unknown, cookie?: string) =>
      send('POST', '/login', { email, password }, { cookie })
    const me = async (cookie: string | undefined) => (await send('GET', '/me', undefined, { cookie })).status

    it('logs everybody in whom the old system knows, and remembers it', async () => {
      for (const [email, password] of [
        ['ann@example.org', 'U*U'],
        ['bob@example.org', 'hashcat'],
        ['cleo@example.org', 'hashcat'],
      ]) {
        for (let time = 0; time < 2; time++) {
          const { status, body, cookie, headers } = await login(email, password)
          expect(headers['cache-control']).toBe('no-store')
          expect({ status, body }).toEqual({ status: 200, body: { user: { id: expect.any(Number) } } })
          expect(await me(cookie)).toBe(200)
        }
      }
      const hashes = await databases.target.selectFrom('credentials').select('hash').execute()
      expect(hashes.map(({ hash }) => hash.slice(0, 10))).toEqual(Array(3).fill('$argon2id$'))
      expect(await me(undefined)).toBe(401)
    })

    it('answers a wrong password and an unknown address in the same words, without a session', async () => {
      for (const [email, password] of [
        ['ann@example.org', 'wrong'],
        ['nobody@example.org', 'U*U'],
        ['eve@example.org', 'wrong'],
        [['ann@example.org'], 'U*U'],
        ['ann@example.org', { $ne: '' }],
      ]) {
        expect(await login(email, password)).toMatchObject({ status: 401, body: WRONG, cookie: undefined })
      }
      expect(await login('eve@example.org', 'test')).toMatchObject({ status: 403, cookie: undefined })
    })

    it('begins a new session at each login: one that was planted is worth nothing', async () => {
      const first = await login('ann@example.org', 'U*U')
      const second = await login('bob@example.org', 'hashcat', first.cookie)
      expect(second.cookie).not.toBe(first.cookie)
      expect(await me(first.cookie)).toBe(401)
      expect(await me(second.cookie)).toBe(200)
      // An id that somebody made up is not taken over.
      const planted = await login('ann@example.org', 'U*U', 'session=planted')
      expect(planted.cookie).not.toContain('planted')
      expect((await send('POST', '/logout', undefined, { cookie: second.cookie })).status).toBe(204)
      expect(await me(second.cookie)).toBe(401)
    })

    it('keeps its cookie from scripts, from other sites and, in production, from plain HTTP', async () => {
      const [plain] = (await login('ann@example.org', 'U*U')).headers['set-cookie'] ?? []
      expect(plain).toMatch(/^session=.*; Path=\/; .*HttpOnly; SameSite=Lax$/i)
      await restart({ config: { ...parts.config, production: true, proxies: 1 } })
      const headers = { 'x-forwarded-proto': 'https' }
      const body = { email: 'ann@example.org', password: 'U*U' }
      const [secure] = (await send('POST', '/login', body, { headers })).headers['set-cookie'] ?? []
      expect(secure).toMatch(/^__Host-session=.*; Secure/i)
    })

    it('changes a password, and ends every other session', async () => {
      const [here, there] = [await login('ann@example.org', 'U*U'), await login('ann@example.org', 'U*U')]
      const change = (current: unknown, next: unknown, cookie: string | undefined) =>
        send('POST', '/password', { current, next }, { cookie })
      expect(await change('U*U', NEW, undefined)).toMatchObject({ status: 401 })
      expect(await change('wrong', NEW, here.cookie)).toMatchObject({ status: 401, body: WRONG })
      expect(await change('U*U', 'too short', here.cookie)).toMatchObject({ status: 400 })
      const changed = await change('U*U', NEW, here.cookie)
      expect(changed.status).toBe(204)
      expect([await me(here.cookie), await me(there.cookie), await me(changed.cookie)]).toEqual([401, 401, 200])
      expect(await login('ann@example.org', 'U*U')).toMatchObject({ status: 401 })
      expect(await login('ann@example.org', NEW)).toMatchObject({ status: 200 })
    })

    it('resets a password by a token that works once, and tells nobody who has an account', async () => {
      const session = await login('bob@example.org', 'hashcat')
      const known = await send('POST', '/reset', { email: 'bob@example.org' })
      const unknown = await send('POST', '/reset', { email: 'nobody@example.org' })
      expect(known.status).toBe(202)
      expect([unknown.status, unknown.body]).toEqual([known.status, known.body])
      await vi.waitFor(() => expect(mails).toHaveLength(1))
      const token = mails[0]?.token
      expect(mails[0]?.to).toBe('bob@example.org')
      const confirm = (given: unknown, password: unknown) => send('POST', '/reset/confirm', { token: given, password })
      expect(await confirm('x'.repeat(43), NEW)).toMatchObject({ status: 400 })
      expect(await confirm([token], NEW)).toMatchObject({ status: 400 })
      expect(await confirm(token, 'short')).toMatchObject({ status: 400 })
      // Slowly, so that both are there at once.
      const resetPassword: ShadowAuth['resetPassword'] = async (...args) => {
        await new Promise((resolve) => setTimeout(resolve, 100))
        return parts.auth.resetPassword(...args)
      }
      const auth = { ...parts.auth, resetPassword }
      await restart({ resets: createResets({ auth, target: databases.target, mail: async () => {} }) })
      const both = await Promise.all([confirm(token, NEW), confirm(token, `${NEW} too`)])
      expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([204, 400])
      expect(await confirm(token, NEW)).toMatchObject({ status: 400 })
      expect(await me(session.cookie)).toBe(401)
      expect(await login('bob@example.org', 'hashcat')).toMatchObject({ status: 401 })
    })

    it('resets the password of a member who never logged in here', async () => {
      await send('POST', '/reset', { email: 'Cleo@example.org' })
      await vi.waitFor(() => expect(mails).toHaveLength(1))
      expect(await send('POST', '/reset/confirm', { token: mails[0]?.token, password: NEW })).toMatchObject({
        status: 204,
      })
      expect(await login('cleo@example.org', 'hashcat')).toMatchObject({ status: 401 })
      expect(await login('cleo@example.org', NEW)).toMatchObject({ status: 200 })
    })

    it('says 429 and when to come back while too many log in, and a token is not lost to it', async () => {
      await send('POST', '/reset', { email: 'bob@example.org' })
      await vi.waitFor(() => expect(mails).toHaveLength(1))
      let free = (): void => {}
      const held = new Promise<void>((resolve) => {
        free = resolve
      })
      const holding = ['a', 'b'].map((login) => admission.run(login, () => held))
      const confirmation = { token: mails[0]?.token, password: NEW }
      for (const reply of [await login('ann@example.org', 'U*U'), await send('POST', '/reset/confirm', confirmation)]) {
        expect(reply).toMatchObject({ status: 429, headers: { 'retry-after': '1' } })
      }
      free()
      await Promise.all(holding)
      expect(await send('POST', '/reset/confirm', confirmation)).toMatchObject({ status: 204 })
    })

    it('says 503 and when to come back while the store that knows is down', async () => {
      await databases.legacy.destroy()
      expect(await login('ann@example.org', 'U*U')).toMatchObject({
        status: 503,
        headers: { 'retry-after': '10' },
        cookie: undefined,
      })
    })

    it('says 429 and when to come back after too many wrong passwords, and counts nothing else', async () => {
      await restart({ attempts: 3 })
      for (let count = 0; count < 5; count++) expect((await login('ann@example.org', 'U*U')).status).toBe(200)
      for (let count = 0; count < 3; count++) expect((await login('ann@example.org', 'wrong')).status).toBe(401)
      const refused = await login('ann@example.org', 'U*U')
      expect(refused).toMatchObject({ status: 429, body: { error: 'Too many attempts. Please try again later.' } })
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(1)
      const statuses: number[] = []
      for (let count = 0; count < 4; count++) statuses.push((await send('POST', '/reset', { email: 'x@y' })).status)
      expect(statuses).toEqual([202, 202, 202, 429])
    })

    it('refuses what it cannot read, and what is too large', async () => {
      const json = { 'content-type': 'application/json' }
      expect(await send('POST', '/login', '{"email":', { headers: json })).toMatchObject({ status: 400 })
      expect(await send('POST', '/login', { email: 'ann@example.org', password: 'x'.repeat(9_000) })).toMatchObject({
        status: 413,
      })
      const form = { 'content-type': 'application/x-www-form-urlencoded' }
      const posted = await send('POST', '/login', 'email=ann@example.org&password=U*U', { headers: form })
      expect([400, 401]).toContain(posted.status)
      expect(posted.cookie).toBeUndefined()
      expect(await send('POST', '/login')).toMatchObject({ status: 401 })
      expect(await send('GET', '/nothing')).toMatchObject({ status: 404, body: { error: 'There is nothing here.' } })
      expect(await send('GET', '/health')).toMatchObject({ status: 200 })
    })

    it('says nothing of what went wrong inside, to nobody', async () => {
      const { cookie } = await login('ann@example.org', 'U*U')
      await databases.target.destroy()
      expect(await send('GET', '/me', undefined, { cookie })).toMatchObject({
        status: 500,
        body: { error: 'Something went wrong.' },
      })
      expect(complaints.length).toBeGreaterThan(0)
      expect(complaints.join()).not.toMatch(/select|ann@/i)
    })

    it('answers a login that is under way when it is told to end, and takes no other', async () => {
      let free = (): void => {}
      const held = new Promise<void>((resolve) => {
        free = resolve
      })
      const slow = {
        ...parts.auth,
        verifyAndUpgrade: async (...args: Parameters<ShadowAuth['verifyAndUpgrade']>) => {
          await held
          return parts.auth.verifyAndUpgrade(...args)
        },
      }
      await restart({ auth: slow })
      const underWay = login('ann@example.org', 'U*U')
      await new Promise((resolve) => setTimeout(resolve, 100))
      const closing = service.close()
      await new Promise((resolve) => setTimeout(resolve, 50))
      await expect(login('bob@example.org', 'hashcat')).rejects.toThrow('ECONNREFUSED')
      free()
      expect(await underWay).toMatchObject({ status: 200 })
      await closing
      service = await start(parts)
    })
  })
}

/** What the process itself must do: refuse to start without its secrets, serve, and end when it is told to. */
export function startContract(main: URL): void {
  const start = (env: Record<string, string>) =>
    spawn(process.execPath, ['--conditions=twinspan-src', fileURLToPath(main)], {
      env: { PATH: process.env['PATH'] ?? '', PORT: '0', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })

  describe('the process', () => {
    it('does not start in production without its secret', async () => {
      const child = start({ NODE_ENV: 'production', DATA_DIRECTORY: '/nowhere' })
      let said = ''
      child.stderr.on('data', (chunk) => {
        said += String(chunk)
      })
      expect(await once(child, 'exit')).toEqual([1, null])
      expect(said).toContain('SESSION_SECRET is needed in production')
    })

    it('serves, and ends at SIGTERM', async () => {
      const directory = await mkdtemp(join(tmpdir(), 'twinspan-example-'))
      const child = start({ DATA_DIRECTORY: directory })
      const [line] = (await once(child.stdout, 'data')) as [Buffer]
      const [url] = /http:[^\s]+/.exec(line.toString()) ?? []
      const health = await fetch(`${url}/health`)
      expect(await health.json()).toEqual({ ok: true })
      const exit = once(child, 'exit')
      child.kill('SIGTERM')
      expect(await exit).toEqual([0, null])
      await rm(directory, { recursive: true, force: true })
    })
  })
}
