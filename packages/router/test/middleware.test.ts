import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { trace } from '@opentelemetry/api'
import type { Migration } from '@twinspan/core'
import express, { type NextFunction, type Request, type Response } from 'express'
import Fastify, { type FastifyRequest } from 'fastify'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { routeRequests } from '../src/express.ts'
import { type RoutedRequestOptions, routedRequests } from '../src/fastify.ts'
import type { Router } from '../src/index.ts'
import { BY, createWorld, type Process, walk } from './world.ts'

interface Seen {
  readonly unit: string | undefined
  readonly sides: readonly string[]
}

/** What the application does in a request: asks, lets something happen, asks again. */
type Handler = (body: unknown) => Promise<unknown>

type Headers = { readonly headers: Readonly<Record<string, string | string[] | undefined>> }
type Options = Pick<RoutedRequestOptions<Headers>, 'tenant' | 'lingerMs' | 'trace'>

interface Server {
  readonly url: string
  close(): Promise<void>
}

const unit = ({ headers }: Headers): string | undefined => {
  const user = headers['x-user']
  if (user === 'broken') throw new Error('no session store')
  return user === undefined ? undefined : String(user)
}

async function onExpress(migration: Migration, router: Router, options: Options, work: Handler): Promise<Server> {
  const app = express()
  app.use(routeRequests<Request>(migration, router, { unit, ...options }))
  app.use(express.json())
  app.post('/', async (request: Request, response: Response) => {
    response.json(await work(request.body))
  })
  app.use((error: Error, _request: Request, response: Response, _next: NextFunction) => {
    response.status(500).json({ error: error.message })
  })
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function onFastify(migration: Migration, router: Router, options: Options, work: Handler): Promise<Server> {
  const app = Fastify()
  await app.register(routedRequests<FastifyRequest>(migration, router, { unit, ...options }))
  app.post('/', async (request) => work(request.body))
  app.setErrorHandler((error: Error, _request, reply) => reply.code(500).send({ error: error.message }))
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return { url: `${url}/`, close: () => app.close() }
}

describe.each([
  ['Express', onExpress],
  ['Fastify', onFastify],
])('a request on %s', (_, open) => {
  let world: ReturnType<typeof createWorld>
  let process: Process
  let server: Server | undefined
  beforeEach(async () => {
    world = createWorld()
    process = await world.join({ steps: [100] })
    await walk(process.migration, 'canary')
    await process.router.start()
  })
  afterEach(async () => {
    await server?.close()
    server = undefined
    await world.end()
  })

  async function serve(work: Handler, options: Options = {}): Promise<void> {
    server = await open(process.migration, process.router, options, work)
  }

  async function post(user: string | undefined, body: unknown = {}): Promise<{ status: number; body: unknown }> {
    const headers = { 'content-type': 'application/json', ...(user === undefined ? {} : { 'x-user': user }) }
    const response = await fetch(server!.url, { method: 'POST', headers, body: JSON.stringify(body) })
    return { status: response.status, body: await response.json() }
  }

  const asked = (user: string): string => process.router.decide(user).side

  it('keeps its decision from beginning to end, its body included, and the next one has the new', async () => {
    const { migration, router } = process
    await serve(async () => {
      const first = asked('ann')
      await router.setPercent(100, BY)
      return { unit: migration.unitOfWork?.unit, sides: [first, asked('ann')] } satisfies Seen
    })
    expect((await post('ann', { text: 'x'.repeat(50_000) })).body).toEqual({ unit: 'ann', sides: ['legacy', 'legacy'] })
    expect((await post('ann')).body).toEqual({ unit: 'ann', sides: ['target', 'target'] })
  })

  it('is still itself when its body comes late', async () => {
    const { migration } = process
    let unitInside: string | undefined
    await serve(async () => {
      unitInside = migration.unitOfWork?.unit
      return {}
    })
    const { port } = new URL(server!.url)
    const client = httpRequest({
      port,
      method: 'POST',
      headers: { 'x-user': 'ann', 'content-type': 'application/json' },
    })
    client.flushHeaders()
    for (const part of ['{"a":', '"', 'b"}']) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      client.write(part)
    }
    client.end()
    const [response] = (await once(client, 'response')) as [IncomingMessage]
    response.resume()
    expect(response.statusCode).toBe(200)
    expect(unitInside).toBe('ann')
  })

  it('is nobody else', async () => {
    const { migration } = process
    let waiting = (): void => {}
    const both = new Promise<void>((resolve) => {
      waiting = resolve
    })
    let inside = 0
    await serve(async () => {
      if (++inside === 2) waiting()
      await both
      return { unit: migration.unitOfWork?.unit }
    })
    const answers = await Promise.all([post('ann'), post('bob')])
    expect(answers.map(({ body }) => body)).toEqual([{ unit: 'ann' }, { unit: 'bob' }])
  })

  it('of nobody in particular is still one unit of work', async () => {
    const { migration } = process
    await serve(async () => ({ inUnit: migration.unitOfWork !== undefined, side: asked('') }))
    expect((await post(undefined)).body).toEqual({ inUnit: true, side: 'legacy' })
  })

  it('goes by the tenant that it is told', async () => {
    await process.router.setLists({ ...BY, tenants: { acme: 'target' } })
    await serve(async () => ({ side: asked('ann') }), { tenant: ({ headers }) => String(headers['x-user'] && 'acme') })
    expect((await post('ann')).body).toEqual({ side: 'target' })
  })

  it('lets go when it has been answered: what it left running goes by what is true then', async () => {
    const { migration, router } = process
    let go = (): void => {}
    const later = new Promise<void>((resolve) => {
      go = resolve
    })
    let left: Promise<readonly unknown[]> | undefined
    await serve(async () => {
      const first = asked('ann')
      left = later.then(() => [first, asked('ann'), migration.unitOfWork])
      return {}
    })
    await post('ann')
    await router.setPercent(100, BY)
    await new Promise((resolve) => setTimeout(resolve, 20))
    go()
    expect(await left).toEqual(['legacy', 'target', undefined])
  })

  it('keeps its decision when the client goes, and lets go a while later', async () => {
    const { router } = process
    let reached = (): void => {}
    const inside = new Promise<void>((resolve) => {
      reached = resolve
    })
    let atWork: Promise<readonly string[]> | undefined
    await serve(
      async () => {
        atWork = (async () => {
          const sides = [asked('ann')]
          reached()
          await new Promise((resolve) => setTimeout(resolve, 80))
          sides.push(asked('ann'))
          await new Promise((resolve) => setTimeout(resolve, 400))
          sides.push(asked('ann'))
          return sides
        })()
        await atWork
        return {}
      },
      { lingerMs: 200 },
    )
    const { port } = new URL(server!.url)
    const client = httpRequest({
      port,
      method: 'POST',
      headers: { 'x-user': 'ann', 'content-type': 'application/json' },
    })
    client.on('error', () => {})
    client.end('{}')
    await inside
    await router.setPercent(100, BY)
    client.destroy()
    expect(await atWork).toEqual(['legacy', 'legacy', 'target'])
  })

  it("hands what the application's own function threw to the application's error handler", async () => {
    await serve(async () => ({}))
    expect(await post('broken')).toEqual({ status: 500, body: { error: 'no session store' } })
  })

  it('tells its trace what was decided, and nobody who it was', async () => {
    const events: unknown[] = []
    const span = { isRecording: () => true, addEvent: (...event: unknown[]) => events.push(event) }
    const active = vi.spyOn(trace, 'getActiveSpan').mockReturnValue(span as never)
    await serve(async () => ({}), { trace: { rate: 1, hashKey: 'secret' } })
    await process.router.setPercent(100, BY)
    await post('ann@example.org')
    await post('ann@example.org')
    active.mockRestore()
    expect(events).toHaveLength(2)
    expect(events[0]).toEqual(events[1])
    expect(events[0]).toEqual([
      'feature_flag.evaluation',
      {
        'feature_flag.key': 'things-move',
        'feature_flag.provider.name': 'twinspan',
        'feature_flag.result.variant': 'target',
        'feature_flag.result.reason': 'split',
        'feature_flag.version': '1',
        'feature_flag.context.id': expect.stringMatching(/^[0-9a-f]{16}$/),
      },
    ])
  })
})

type Middleware = (migration: Migration, router: Router, options: RoutedRequestOptions<Headers>) => unknown

it.each<[string, Middleware]>([
  ['routeRequests', routeRequests],
  ['routedRequests', routedRequests],
])('%s refuses options that cannot be meant', async (_, middleware) => {
  const world = createWorld()
  const { migration, router } = await world.join()
  expect(() => middleware(migration, router, {} as never)).toThrow(/^Option unit /)
  expect(() => middleware(migration, router, { unit: () => '1', lingerMs: -1 })).toThrow(/^Option lingerMs /)
  expect(() => middleware(migration, router, { unit: () => '1', trace: { rate: 2 } })).toThrow(/^Option trace.rate /)
  await world.end()
})
