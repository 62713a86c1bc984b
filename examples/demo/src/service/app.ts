import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import type { AccountRepository } from '../domain/account.ts'
import type { PlaceDraft, PlaceRepository } from '../domain/place.ts'
import { accountSchema, listSchema, loginSchema, oneSchema, placeSchema } from './schemas.ts'
import type { Tokens } from './token.ts'

export type LoginVerdict =
  | { readonly ok: true; readonly member: number; readonly via: string; readonly upgraded: boolean }
  | { readonly ok: false; readonly reason: string }

/** What the routes need. They know nothing of two databases. */
export interface AppParts {
  readonly places: PlaceRepository
  readonly accounts: AccountRepository
  readonly tokens: Tokens
  login(login: string, password: string): Promise<LoginVerdict>
  /** Runs a request as one unit of work, on behalf of a visitor. */
  unitOfWork<T>(visitor: string | undefined, work: () => T): T
  status(): object
}

class Unauthorized extends Error {
  readonly statusCode = 401
}

/** How a login that did not succeed is answered. */
const REFUSALS: Readonly<Record<string, number>> = { invalid: 401, locked: 423, busy: 503, unavailable: 503 }

export function buildApp({ places, accounts, tokens, login, unitOfWork, status }: AppParts): FastifyInstance {
  const app = fastify({ forceCloseConnections: true, keepAliveTimeout: 120_000 })

  // Everything that a request does goes by one phase, whatever changes meanwhile. Not earlier than here: the parsing of a
  // body loses the context.
  app.addHook('preHandler', (request, _reply, done) => {
    const visitor = request.headers['x-visitor']
    unitOfWork(typeof visitor === 'string' ? visitor : undefined, done)
  })
  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    const code = error.statusCode ?? 500
    if (code >= 500) console.error(new Date().toISOString(), request.method, request.routeOptions.url, error)
    void reply.code(code).send({ error: code < 500 ? error.message : 'internal error' })
  })

  const memberOf = (request: FastifyRequest): number => {
    const member = tokens.read((request.headers.authorization ?? '').replace(/^Bearer /, ''))
    if (member === undefined) throw new Unauthorized('log in first')
    return member
  }

  app.get('/', () => status())

  app.post<{ Body: { login: string; password: string } }>('/login', { schema: loginSchema }, async (request, reply) => {
    const verdict = await login(request.body.login, request.body.password)
    if (!verdict.ok) return reply.code(REFUSALS[verdict.reason] ?? 401).send({ error: verdict.reason })
    return { token: tokens.issue(verdict.member), via: verdict.via, upgraded: verdict.upgraded }
  })

  app.get<{ Params: { id: number } }>('/places/:id', { schema: oneSchema }, async (request, reply) => {
    return (await places.findById(request.params.id)) ?? reply.code(404).send({ error: 'no such place' })
  })

  app.get<{ Querystring: { country: string; after: number; limit: number } }>(
    '/places',
    { schema: listSchema },
    ({ query }) => places.listByCountry(query.country, query.after, query.limit),
  )

  app.post<{ Body: PlaceDraft }>('/places', { schema: placeSchema }, async (request, reply) => {
    memberOf(request)
    return reply.code(201).send(await places.create(request.body))
  })

  app.put<{ Params: { id: number }; Body: PlaceDraft }>(
    '/places/:id',
    { schema: { ...oneSchema, ...placeSchema } },
    async (request, reply) => {
      memberOf(request)
      const place = await places.replace(request.params.id, request.body)
      return place ?? reply.code(404).send({ error: 'no such place' })
    },
  )

  app.delete<{ Params: { id: number } }>('/places/:id', { schema: oneSchema }, async (request, reply) => {
    memberOf(request)
    const found = await places.remove(request.params.id)
    return found ? reply.code(204).send() : reply.code(404).send({ error: 'no such place' })
  })

  app.get('/account', async (request, reply) => {
    return (await accounts.findById(memberOf(request))) ?? reply.code(404).send({ error: 'no such account' })
  })

  app.put<{ Body: { email: string; name: string } }>('/account', { schema: accountSchema }, async (request, reply) => {
    const account = await accounts.edit(memberOf(request), request.body)
    return account ?? reply.code(404).send({ error: 'no such account' })
  })

  return app
}
