import type { ShadowAuth } from '@twinspan/shadow-auth'
import { describe, expect, it, vi } from 'vitest'
import { createResets } from '../resets.ts'
import type { Client } from './client.ts'
import { eachWorld, type Start } from './world.ts'

const WRONG = { error: 'Wrong e-mail address or password.' }
const NEW = 'a much longer password'

/** What a service must do about logins over HTTP, whatever it is written with. */
export function serviceContract(name: string, start: Start): void {
  describe(`the logins on ${name}`, () => {
    const world = eachWorld(start, 'dual-write')
    const send: Client['send'] = (...asked) => world().send(...asked)
    const login: Client['login'] = (...asked) => world().login(...asked)
    const me: Client['me'] = (...asked) => world().me(...asked)

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
      const hashes = await world().databases.target.selectFrom('credentials').select('hash').execute()
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
      await world().restart({ config: { ...world().parts.config, production: true, proxies: 1 } })
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
      await vi.waitFor(() => expect(world().mails).toHaveLength(1))
      const token = world().mails[0]?.token
      expect(world().mails[0]?.to).toBe('bob@example.org')
      const confirm = (given: unknown, password: unknown) => send('POST', '/reset/confirm', { token: given, password })
      expect(await confirm('x'.repeat(43), NEW)).toMatchObject({ status: 400 })
      expect(await confirm([token], NEW)).toMatchObject({ status: 400 })
      expect(await confirm(token, 'short')).toMatchObject({ status: 400 })
      // Slowly, so that both are there at once.
      const resetPassword: ShadowAuth['resetPassword'] = async (...args) => {
        await new Promise((resolve) => setTimeout(resolve, 100))
        return world().parts.auth.resetPassword(...args)
      }
      const auth = { ...world().parts.auth, resetPassword }
      await world().restart({ resets: createResets({ auth, db: world().databases.legacy, mail: async () => {} }) })
      const both = await Promise.all([confirm(token, NEW), confirm(token, `${NEW} too`)])
      expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([204, 400])
      expect(await confirm(token, NEW)).toMatchObject({ status: 400 })
      expect(await me(session.cookie)).toBe(401)
      expect(await login('bob@example.org', 'hashcat')).toMatchObject({ status: 401 })
    })

    it('resets the password of a member who never logged in here', async () => {
      await send('POST', '/reset', { email: 'Cleo@example.org' })
      await vi.waitFor(() => expect(world().mails).toHaveLength(1))
      expect(await send('POST', '/reset/confirm', { token: world().mails[0]?.token, password: NEW })).toMatchObject({
        status: 204,
      })
      expect(await login('cleo@example.org', 'hashcat')).toMatchObject({ status: 401 })
      expect(await login('cleo@example.org', NEW)).toMatchObject({ status: 200 })
    })

    it('says 429 and when to come back while too many log in, and a token is not lost to it', async () => {
      await send('POST', '/reset', { email: 'bob@example.org' })
      await vi.waitFor(() => expect(world().mails).toHaveLength(1))
      let free = (): void => {}
      const held = new Promise<void>((resolve) => {
        free = resolve
      })
      const holding = ['a', 'b'].map((login) => world().admission.run(login, () => held))
      const confirmation = { token: world().mails[0]?.token, password: NEW }
      for (const reply of [await login('ann@example.org', 'U*U'), await send('POST', '/reset/confirm', confirmation)]) {
        expect(reply).toMatchObject({ status: 429, headers: { 'retry-after': '1' } })
      }
      free()
      await Promise.all(holding)
      expect(await send('POST', '/reset/confirm', confirmation)).toMatchObject({ status: 204 })
    })

    it('says 503 and when to come back while the store that knows is down', async () => {
      await world().databases.legacy.destroy()
      expect(await login('ann@example.org', 'U*U')).toMatchObject({
        status: 503,
        headers: { 'retry-after': '10' },
        cookie: undefined,
      })
    })

    it('says 429 and when to come back after too many wrong passwords, and counts nothing else', async () => {
      await world().restart({ attempts: 3 })
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
      await world().databases.legacy.destroy()
      expect(await send('GET', '/me', undefined, { cookie })).toMatchObject({
        status: 500,
        body: { error: 'Something went wrong.' },
      })
      expect(world().complaints.length).toBeGreaterThan(0)
      expect(world().complaints.join()).not.toMatch(/select|ann@/i)
    })

    it('answers a login that is under way when it is told to end, and takes no other', async () => {
      let free = (): void => {}
      const held = new Promise<void>((resolve) => {
        free = resolve
      })
      const slow = {
        ...world().parts.auth,
        verifyAndUpgrade: async (...args: Parameters<ShadowAuth['verifyAndUpgrade']>) => {
          await held
          return world().parts.auth.verifyAndUpgrade(...args)
        },
      }
      await world().restart({ auth: slow })
      const underWay = login('ann@example.org', 'U*U')
      await new Promise((resolve) => setTimeout(resolve, 100))
      const closing = world().service.close()
      await new Promise((resolve) => setTimeout(resolve, 50))
      await expect(login('bob@example.org', 'hashcat')).rejects.toThrow('ECONNREFUSED')
      free()
      expect(await underWay).toMatchObject({ status: 200 })
      await closing
      await world().restart()
    })
  })
}
