import { InvalidOptionError } from '@twinspan/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createConsole } from '../src/console.ts'
import { type ConsoleOptions, consoleHandler } from '../src/index.ts'
import { ask, createWorld, type Question, type Served, serve, type World } from './world.ts'

const world: World = await createWorld()

// As the console itself looks them up: a new route is held to all of this without a word here.
const { paths } = createConsole(world.migration, { authorize: () => false })
const ROUTES = [...paths, '/nothing']
const ACTIONS = paths.filter((path) => path.startsWith('/api/actions/'))
const PAGES = ROUTES.filter((path) => !ACTIONS.includes(path))

const done: string[] = []
const actions = {
  enabled: true,
  kill: async ({ actor, reason }: { actor: string; reason: string }) => void done.push(`kill ${actor} ${reason}`),
  rollback: async () => {
    throw new Error('Key (email)=(ann@example.com) already exists')
  },
  rearm: async () => void done.push('rearm'),
  ramp: async ({ percent, from }: { percent: string; from?: string }) => void done.push(`ramp ${from} ${percent}`),
  advance: async ({ to }: { to: string }) => void done.push(`advance ${to}`),
}

let served: Served
const open: Served[] = []

async function mount(options: Partial<ConsoleOptions<never>> = {}): Promise<Served> {
  const authorize: ConsoleOptions<never>['authorize'] = (request) => {
    const { headers } = request as { headers: Record<string, string> }
    if (headers['x-user'] === 'hangs') return new Promise(() => {})
    if (headers['x-user'] === 'breaks') throw new Error('session store down')
    if (headers['x-user'] === 'looker') return true
    if (headers['x-user'] === 'nameless') return { actor: '', mayAct: true }
    return headers['x-user'] === 'ann' && { actor: 'ann', mayAct: true }
  }
  const handler = consoleHandler(world.migration, { authorize, actions, timeoutMs: 100, ...options })
  const server = await serve(handler as Parameters<typeof serve>[0])
  open.push(server)
  return server
}

/** An order as the page gives it. */
function order(origin: string, { headers, body, ...rest }: Question = {}): Question {
  return {
    method: 'POST',
    headers: { 'x-user': 'ann', origin, 'x-twinspan-console': '1', 'content-type': 'application/json', ...headers },
    body: body ?? JSON.stringify({ reason: 'too many errors', confirm: 'things-move' }),
    ...rest,
  }
}

beforeAll(async () => {
  served = await mount()
})

afterAll(async () => {
  for (const server of open) await server.close()
  await world.end()
})

describe('the routes', () => {
  it('are all there', () => {
    expect(paths).toContain('/api/events')
    expect(paths).toContain('/assets/console.js')
    expect(ACTIONS.toSorted()).toEqual(
      Object.keys(actions)
        .slice(1)
        .map((name) => `/api/actions/${name}`)
        .toSorted(),
    )
  })
})

describe('construction', () => {
  it('throws without authorize', () => {
    expect(() => consoleHandler(world.migration, {} as never)).toThrow(InvalidOptionError)
    expect(() => consoleHandler(world.migration, undefined as never)).toThrow(/authorize/)
  })

  it.each([
    ['actions.enabled', { actions: {} }],
    ['actions.kill', { actions: { enabled: true, kill: 'yes' } }],
    ['hosts', { hosts: [] }],
    ['refreshMs', { refreshMs: 0 }],
    ['plan', { plan: 1 }],
  ])('names the option %s that it cannot take', (name, options) => {
    expect(() => consoleHandler(world.migration, { authorize: () => true, ...options } as never)).toThrow(name)
  })
})

describe.each(ROUTES)('%s', (route) => {
  it.each(['GET', 'POST'])('refuses %s from a stranger', async (method) => {
    const answer = await ask(served.origin + route, { method })
    expect(answer.status).toBe(403)
    expect(JSON.parse(answer.body)).toMatchObject({ error: 'not-authorized' })
  })

  it.each(['breaks', 'hangs'])('refuses when authorize %s', async (user) => {
    expect((await ask(served.origin + route, { headers: { 'x-user': user } })).status).toBe(403)
  })

  it.each([
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors' },
    { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' },
  ])('refuses what another page asks: %o', async (headers) => {
    const answer = await ask(served.origin + route, { headers: { 'x-user': 'ann', ...headers } })
    expect(JSON.parse(answer.body)).toMatchObject({ error: 'cross-origin' })
    expect(answer.status).toBe(403)
  })

  it('refuses under a host that is not on the list', async () => {
    const strict = await mount({ hosts: ['ops.example.com'] })
    expect((await ask(strict.origin + route, { headers: { 'x-user': 'ann' } })).status).toBe(421)
    const headers = { 'x-user': 'ann', host: 'OPS.example.com' }
    expect((await ask(strict.origin + route, { headers, streams: true })).status).not.toBe(421)
  })

  it('carries the headers that keep scripts, frames and caches away', async () => {
    const { headers } = await ask(served.origin + route)
    expect(headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'")
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'")
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' })
  })
})

describe('what a link from elsewhere may do', () => {
  it('opens the page, which does nothing by itself', async () => {
    const headers = {
      'x-user': 'ann',
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
    }
    expect((await ask(`${served.origin}/`, { headers })).status).toBe(200)
  })
})

describe.each(PAGES)('%s', (route) => {
  it.each(['POST', 'PUT', 'DELETE'])('has no %s', async (method) => {
    const { status } = await ask(served.origin + route, { method, headers: { 'x-user': 'ann' } })
    expect(status).toBe(route === '/nothing' ? 404 : 405)
  })
})

describe.each(ACTIONS)('%s', (route) => {
  it('cannot be asked with GET', async () => {
    const { status } = await ask(served.origin + route, { headers: { 'x-user': 'ann' } })
    expect(status).toBe(405)
  })

  it.each<[string, (origin: string) => Question, string]>([
    ['without the header', (origin) => order(origin, { headers: { 'x-twinspan-console': '' } }), 'header-missing'],
    ['from another origin', () => order('https://evil.example'), 'cross-origin'],
    ['from who may only look', (origin) => order(origin, { headers: { 'x-user': 'looker' } }), 'may-not-act'],
    ['from who has no name', (origin) => order(origin, { headers: { 'x-user': 'nameless' } }), 'may-not-act'],
    ['as a form', (origin) => order(origin, { headers: { 'content-type': 'text/plain' } }), 'bad-body'],
    ['without JSON', (origin) => order(origin, { body: '{' }), 'bad-body'],
    ['without a reason', (origin) => order(origin, { body: '{"confirm":"things-move"}' }), 'reason-missing'],
    ['unconfirmed', (origin) => order(origin, { body: '{"reason":"x","confirm":"things"}' }), 'not-confirmed'],
  ])('is refused %s, and nothing is done', async (_how, question, error) => {
    done.length = 0
    const answer = await ask(served.origin + route, question(served.origin))
    expect(JSON.parse(answer.body)).toMatchObject({ error })
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(done).toEqual([])
  })

  it('is refused without an Origin', async () => {
    const { origin: _origin, ...headers } = order('').headers as Record<string, string>
    const answer = await ask(served.origin + route, { ...order(''), headers })
    expect(JSON.parse(answer.body)).toMatchObject({ error: 'cross-origin' })
  })

  it.each([{ actions: { ...actions, enabled: false } }, { actions: { enabled: true } }])(
    'is not there where it is not given or not enabled',
    async (options) => {
      const readOnly = await mount(options)
      expect((await ask(readOnly.origin + route, order(readOnly.origin))).status).toBe(404)
      const me = await ask(`${readOnly.origin}/api/me`, { headers: { 'x-user': 'ann' } })
      expect(JSON.parse(me.body)).toMatchObject({ actions: [] })
    },
  )
})

describe('an order', () => {
  it('is done in the name of who gave it', async () => {
    done.length = 0
    const { status } = await ask(`${served.origin}/api/actions/kill`, order(served.origin))
    expect({ status, done }).toEqual({ status: 200, done: ['kill ann too many errors'] })
  })

  it('takes a step only to a phase', async () => {
    done.length = 0
    const body = (to: string): string => JSON.stringify({ reason: 'next', confirm: 'things-move', to })
    const url = `${served.origin}/api/actions/advance`
    expect((await ask(url, order(served.origin, { body: body('moon') }))).status).toBe(400)
    expect((await ask(url, order(served.origin, { body: body('capture') }))).status).toBe(200)
    expect(done).toEqual(['advance capture'])
  })

  it('changes the share only to a number', async () => {
    done.length = 0
    const body = (order: object): string => JSON.stringify({ reason: 'next', confirm: 'things-move', ...order })
    const url = `${served.origin}/api/actions/ramp`
    for (const bad of [{}, { percent: 5 }, { percent: '5 %' }, { percent: '-1' }, { percent: '5', from: 'all' }]) {
      const answer = await ask(url, order(served.origin, { body: body(bad) }))
      expect(JSON.parse(answer.body)).toMatchObject({ error: 'bad-percent' })
    }
    expect((await ask(url, order(served.origin, { body: body({ percent: '0.5', from: '0' }) }))).status).toBe(200)
    expect(done).toEqual(['ramp 0 0.5'])
  })

  it('that came too late says so, and is not reported as done', async () => {
    const { migration } = world
    const { epoch, incarnation, phase } = migration.snapshot
    const scope = { unit: 'user', salt: '', hash: 'murmur3' }
    const lists = { allow: [], deny: [], tenants: {}, begun: 1 }
    const rollout = { percent: '50', since: 1, phase, epoch, incarnation, killed: null, scope, ...lists }
    await migration.store.putDocument('rollout', rollout)
    const body = JSON.stringify({ reason: 'next', confirm: 'things-move', percent: '10', from: '5' })
    const answer = await ask(`${served.origin}/api/actions/ramp`, order(served.origin, { body }))
    expect({ status: answer.status, ...JSON.parse(answer.body) }).toMatchObject({
      status: 409,
      text: 'Somebody has changed the share to 50 % meanwhile. Nothing was done.',
    })
  })

  it('that fails says so without the message of a driver', async () => {
    const answer = await ask(`${served.origin}/api/actions/rollback`, order(served.origin))
    expect(answer.status).toBe(409)
    expect(answer.body).not.toContain('ann@example.com')
  })
})
