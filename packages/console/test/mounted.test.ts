import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { walkTo } from '@twinspan/core/testing'
import express from 'express'
import fastify, { type FastifyRequest } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { consolePlugin } from '../src/fastify.ts'
import { consoleHandler } from '../src/index.ts'
import { ask, createWorld, type Served, serve, type World } from './world.ts'

let world: World
const mounts: Record<string, Served> = {}
const killed: string[] = []

const actions = { enabled: true, kill: async ({ reason }: { reason: string }) => void killed.push(reason) }

beforeAll(async () => {
  world = await createWorld()
  const { migration } = world
  const authorize = (request: { readonly headers: { readonly [name: string]: unknown } }) =>
    request.headers['x-user'] === 'ann' && { actor: 'ann', mayAct: true }

  const app = express()
  app.use(express.json())
  app.use('/twinspan', consoleHandler(migration, { authorize, actions, refreshMs: 100 }))
  mounts['Express'] = await serve(app)

  const plain = consoleHandler(migration, { authorize, actions, path: '/twinspan/', refreshMs: 100 })
  mounts['node:http'] = await serve(plain)

  const server = fastify()
  const options = { authorize: (request: FastifyRequest) => authorize(request), actions, refreshMs: 100 }
  await server.register(consolePlugin(migration, options), { prefix: '/twinspan' })
  const origin = await server.listen({ port: 0, host: '127.0.0.1' })
  mounts['Fastify'] = { origin, close: () => server.close() }
})

afterAll(async () => {
  for (const { close } of Object.values(mounts)) await close()
  await world.end()
})

describe.each(['Express', 'node:http', 'Fastify'])('mounted in %s', (name) => {
  const url = (path: string): string => `${mounts[name]?.origin}/twinspan${path}`
  const headers = { 'x-user': 'ann' }

  it('sends a browser that forgot the slash to where the files of the page are', async () => {
    const { status, headers: got } = await ask(url('?from=mail'), { headers })
    expect({ status, location: got.location }).toEqual({ status: 308, location: './twinspan/' })
    expect((await ask(url('?from=mail'))).status).toBe(403)
  })

  it.each([
    ['/', 'text/html', '<!doctype html>'],
    ['/assets/console.js', 'text/javascript', 'import'],
    ['/assets/uplot.js', 'text/javascript', 'uPlot'],
    ['/assets/uplot.css', 'text/css', '.uplot'],
    ['/api/status', 'application/json', '"migration":"things-move"'],
  ])('serves %s', async (path, type, text) => {
    const answer = await ask(url(path), { headers })
    expect(answer.status).toBe(200)
    expect(answer.headers['content-type']).toContain(type)
    expect(answer.body).toContain(text)
  })

  it.each(['/assets/../package.json', '/assets/%2e%2e/package.json', '/assets/constructor', '/api', '/assets/'])(
    'has nothing at %s',
    async (path) => {
      expect((await ask(url(path), { headers })).status).toBe(404)
    },
  )

  it('tells the status as server-sent events that nobody gathers or keeps', async () => {
    const { headers: got, body } = await ask(url('/api/events'), { headers, streams: true })
    expect(got).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
    })
    const data = /^data: (.*)$/m.exec(body)?.[1] ?? ''
    expect(JSON.parse(data)).toMatchObject({ migration: 'things-move', position: { ok: true } })
  })

  it('does what it is told, whether or not somebody has parsed the body before', async () => {
    killed.length = 0
    const answer = await ask(url('/api/actions/kill'), {
      method: 'POST',
      headers: {
        ...headers,
        origin: mounts[name]?.origin ?? '',
        'x-twinspan-console': '1',
        'content-type': 'application/json',
      },
      body: JSON.stringify({ reason: 'errors', confirm: 'things-move' }),
    })
    expect({ status: answer.status, killed }).toEqual({ status: 200, killed: ['errors'] })
  })
})

describe('those who watch', () => {
  it('are no more than maxStreams', async () => {
    const server = await serve(consoleHandler(world.migration, { authorize: () => true, maxStreams: 1 }))
    const first = await fetch(`${server.origin}/api/events`)
    expect((await ask(`${server.origin}/api/events`)).status).toBe(503)
    await first.body?.cancel()
    await expect.poll(async () => (await ask(`${server.origin}/api/events`, { streams: true })).status).toBe(200)
    await server.close()
  })

  it.each(['Express', 'node:http', 'Fastify'])('do not keep a server from ending: %s', async (name) => {
    const { migration } = world
    const options = { authorize: () => true }
    let server: Server
    if (name === 'Fastify') {
      const app = fastify()
      await app.register(consolePlugin(migration, options))
      await app.listen({ port: 0, host: '127.0.0.1' })
      server = app.server
    } else {
      const handler = consoleHandler(migration, options)
      server = createServer(name === 'Express' ? express().use(handler) : handler).listen(0, '127.0.0.1')
      await once(server, 'listening')
    }
    const watched = ask(`http://127.0.0.1:${(server.address() as AddressInfo).port}/api/events`)
    await once(server, 'request')
    const ended = once(server, 'close')
    server.close()
    expect((await watched).status).toBe(200)
    server.closeIdleConnections()
    await ended
  })

  it('see the phase change where requests are units of work', async () => {
    const other = await createWorld()
    const { migration } = other
    const handler = consoleHandler(migration, { authorize: () => true, refreshMs: 100 })
    // Whoever opens the first stream does it in a unit of work that goes by `off` until its request is over.
    const server = await serve((request, response) => migration.run(() => handler(request, response)))
    const stream = await fetch(`${server.origin}/api/events`)
    await walkTo(migration, 'capture')
    let told = ''
    for await (const chunk of stream.body as AsyncIterable<Uint8Array>) {
      told += Buffer.from(chunk).toString()
      if (told.includes('"phase":"capture","epoch":2,"primary"')) break
    }
    expect(told).toContain('"phase":"off"')
    await server.close()
    await other.end()
  })

  it('are let go when the migration stops', async () => {
    const ending = await createWorld()
    const server = await serve(consoleHandler(ending.migration, { authorize: () => true }))
    const watched = ask(`${server.origin}/api/events`)
    await new Promise((resolve) => setTimeout(resolve, 100))
    await ending.end()
    expect((await watched).status).toBe(200)
    await server.close()
  })

  it('ask the databases once, however many they are', async () => {
    const { migration } = world
    const journal = migration.sides.legacy.journal
    const original = journal.stats
    let asked = 0
    Object.assign(journal, {
      stats() {
        asked++
        return original.call(journal)
      },
    })
    const server = await serve(consoleHandler(migration, { authorize: () => true, refreshMs: 10_000 }))
    await Promise.all(Array.from({ length: 20 }, () => ask(`${server.origin}/api/status`)))
    Object.assign(journal, { stats: original })
    expect(asked).toBe(1)
    await server.close()
  })
})
