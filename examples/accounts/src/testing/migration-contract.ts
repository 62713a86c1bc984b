import { describe, expect, it, vi } from 'vitest'
import { eachWorld, type Start, type World } from './world.ts'

const WHY = { actor: 'test', reason: 'contract' }
const PAGES = ['/twinspan', '/twinspan/', '/twinspan/api/status', '/twinspan/api/events', '/twinspan/api/me']

/** What a service must do about its migration over HTTP, whatever it is written with. */
export function migrationContract(name: string, start: Start): void {
  describe(`the members on ${name}`, () => {
    const world = eachWorld(start, 'dual-write')

    it('writes where the truth is, and brings it to the other side', async () => {
      const { databases, send } = world()
      const cookie = await cookieOf(world())
      expect(await send('PUT', '/me', { name: 'Annika' }, { cookie })).toMatchObject({
        status: 200,
        body: { id: 1, name: 'Annika' },
      })
      const created = await send('POST', '/members', { email: 'Dora@example.org', name: 'Dora' }, { cookie })
      expect(created).toMatchObject({ status: 201, body: { name: 'Dora' } })
      await vi.waitFor(async () => {
        expect(await databases.target.selectFrom('users').select(['email', 'name']).orderBy('id').execute()).toEqual([
          { email: 'ann@example.org', name: 'Annika' },
          { email: 'bob@example.org', name: 'Bob' },
          { email: 'cleo@example.org', name: 'Cleo' },
          { email: 'eve@example.org', name: 'Eve' },
          { email: 'dora@example.org', name: 'Dora' },
        ])
      })
    })

    it('lets in whom it just took in, by a reset', async () => {
      const { databases, mails, send, login } = world()
      const cookie = await cookieOf(world())
      await send('POST', '/members', { email: 'dora@example.org', name: 'Dora' }, { cookie })
      await vi.waitFor(async () => {
        expect(
          await databases.target.selectFrom('users').select('id').where('name', '=', 'Dora').execute(),
        ).toHaveLength(1)
      })
      await send('POST', '/reset', { email: 'dora@example.org' })
      await vi.waitFor(() => expect(mails).toHaveLength(1))
      const body = { token: mails[0]?.token, password: 'a password of her own' }
      expect(await send('POST', '/reset/confirm', body)).toMatchObject({ status: 204 })
      expect(await login('dora@example.org', body.password)).toMatchObject({ status: 200 })
    })

    it('takes in nobody whom either store knows, nothing that is no name, and nothing from strangers', async () => {
      const { databases, send } = world()
      const cookie = await cookieOf(world())
      await databases.target
        .insertInto('users')
        .values({ id: 90, email: 'new@example.org', name: 'New', banned: 0 })
        .execute()
      const create = (email: unknown, called: unknown, by: string | undefined = cookie) =>
        send('POST', '/members', { email, name: called }, { cookie: by })
      expect(await create('BOB@example.org', 'Bob')).toMatchObject({ status: 409 })
      expect(await create('new@example.org', 'New')).toMatchObject({ status: 409 })
      expect(await create('no address', 'Dora')).toMatchObject({ status: 400 })
      expect(await create('dora@example.org', ' ')).toMatchObject({ status: 400 })
      expect(await create('dora@example.org', ['Dora'])).toMatchObject({ status: 400 })
      expect(await create('dora@example.org', 'Dora', 'session=none')).toMatchObject({ status: 401 })
      expect(await send('PUT', '/me', { name: 'x' })).toMatchObject({ status: 401 })
      expect(await send('PUT', '/me', { name: 7 }, { cookie })).toMatchObject({ status: 400 })
    })

    it('lets in two who swapped their addresses, each with a password that has moved', async () => {
      const { databases, parts, login } = world()
      await cookieOf(world())
      await cookieOf(world(), 'bob@example.org', 'hashcat')
      await databases.legacy.transaction().execute(async (trx) => {
        for (const [mail, id] of [
          ['swapped', 1],
          ['ann@example.org', 2],
          ['bob@example.org', 1],
        ] as const) {
          await trx.updateTable('members').set({ mail }).where('member_id', '=', id).execute()
        }
      })
      await vi.waitFor(async () => {
        expect(await parts.twin.migration.sides.legacy.journal.stats()).toMatchObject({ depth: 0 })
      })
      expect(
        await databases.target.selectFrom('credentials').select('user_id').orderBy('user_id').execute(),
      ).toHaveLength(2)
      expect(await login('bob@example.org', 'U*U')).toMatchObject({ status: 200, body: { user: { id: 1 } } })
      expect(await login('ann@example.org', 'hashcat')).toMatchObject({ status: 200, body: { user: { id: 2 } } })
    })

    it('goes on serving while the target is gone, and keeps what it has to copy', async () => {
      const { databases, parts, send, login, me } = world()
      const cookie = await cookieOf(world())
      await databases.target.destroy()
      expect(await me(cookie)).toBe(200)
      expect(await send('PUT', '/me', { name: 'Annika' }, { cookie })).toMatchObject({ status: 200 })
      expect(await login('bob@example.org', 'hashcat')).toMatchObject({ status: 200 })
      expect(await parts.twin.migration.sides.legacy.journal.stats()).toMatchObject({ depth: 1 })
      const members = await databases.legacy.selectFrom('members').select('name').where('member_id', '=', 1).execute()
      expect(members).toEqual([{ name: 'Annika' }])
    })
  })

  describe(`the canary on ${name}`, () => {
    const world = eachWorld(start, 'canary')

    it('reads from the target for those in it, and for nobody after a kill', async () => {
      const { databases, parts, send } = world()
      const { router } = parts.twin
      const cookie = await cookieOf(world())
      // A name that nobody captured: who sees it reads from the target.
      await databases.target.updateTable('users').set({ name: 'Ann of the target' }).where('id', '=', 1).execute()
      const nameOf = async () => (await send('GET', '/me', undefined, { cookie })).body as { readonly name: string }
      expect(await nameOf()).toMatchObject({ name: 'Ann' })
      await router.setPercent(100, WHY)
      expect(await nameOf()).toMatchObject({ name: 'Ann of the target' })
      await router.kill(WHY)
      expect(await nameOf()).toMatchObject({ name: 'Ann' })
    })

    it('reads from legacy where the target fails, and nobody notices', async () => {
      const { databases, parts, me } = world()
      const cookie = await cookieOf(world())
      await parts.twin.router.setPercent(100, WHY)
      await databases.target.destroy()
      for (let read = 0; read < 3; read++) expect(await me(cookie)).toBe(200)
    })
  })

  describe(`the console on ${name}`, () => {
    const world = eachWorld(start, 'capture')

    it('is for admins', async () => {
      const { send } = world()
      const [ann, bob] = [await cookieOf(world()), await cookieOf(world(), 'bob@example.org', 'hashcat')]
      for (const path of PAGES) {
        for (const cookie of [undefined, bob]) {
          expect((await send('GET', path, undefined, { cookie })).status).toBe(403)
        }
      }
      expect(await send('GET', '/twinspan/', undefined, { cookie: ann })).toMatchObject({
        status: 200,
        body: expect.stringContaining('<title>Twinspan</title>'),
      })
      expect(await send('GET', '/twinspan/api/status', undefined, { cookie: ann })).toMatchObject({
        status: 200,
        body: { migration: 'members', position: { ok: true, value: { phase: 'capture' } } },
      })
    })

    it('takes a step for an admin, in his name, and for nobody else and no other page', async () => {
      const { parts, send, service } = world()
      const { migration } = parts.twin
      const [ann, bob] = [await cookieOf(world()), await cookieOf(world(), 'bob@example.org', 'hashcat')]
      const advance = (cookie: string, origin: string) =>
        send(
          'POST',
          '/twinspan/api/actions/advance',
          { to: 'dual-write', reason: 'everybody captures', confirm: 'members' },
          { cookie, headers: { origin, 'x-twinspan-console': '1' } },
        )
      expect(await advance(bob, service.url)).toMatchObject({ status: 403 })
      expect(await advance(ann, 'https://evil.example')).toMatchObject({ status: 403 })
      expect(migration.snapshot.phase).toBe('capture')
      expect(await advance(ann, service.url)).toMatchObject({ status: 200 })
      expect(migration.snapshot.phase).toBe('dual-write')
      const [entry] = await migration.store.readAudit({ limit: 1 })
      expect(entry).toMatchObject({ actor: 'member 1', reason: 'everybody captures' })
    })
  })
}

async function cookieOf({ login }: World, email = 'ann@example.org', password = 'U*U'): Promise<string> {
  const { cookie } = await login(email, password)
  if (cookie === undefined) throw new Error(`${email} has no session.`)
  return cookie
}
