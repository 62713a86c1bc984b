import cookie from '@fastify/cookie'
import rateLimit from '@fastify/rate-limit'
import session from '@fastify/session'
import { consolePlugin } from '@twinspan/console/fastify'
import {
  ANSWER,
  type Answer,
  answerTo,
  answerToError,
  complain,
  emailIn,
  type Failure,
  isLongEnough,
  nameIn,
  type Parts,
  SESSION_MS,
  type SessionUser,
  watchOptions,
} from '@twinspan/example-accounts'
import { routedRequests } from '@twinspan/router/fastify'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { createAttempts } from './attempts.ts'
import { sessionStore } from './session-store.ts'

declare module 'fastify' {
  interface Session {
    user?: SessionUser
  }
}

const QUARTER_MS = 15 * 60 * 1_000

/** The service: its members, their logins, and the console. What is called the same everywhere stands in `@twinspan/example-accounts`. */
export async function createApp({
  auth,
  sessions,
  resets,
  twin,
  config,
  attempts = 20,
}: Parts): Promise<FastifyInstance> {
  const { migration, members, router } = twin
  const app = fastify({ bodyLimit: 8 * 1_024, trustProxy: (_address, hop) => hop < config.proxies })
  // Only JSON is read, which no foreign page can send without asking first; together with SameSite cookies that is the
  // protection against forged requests.
  app.removeContentTypeParser('text/plain')
  app.setErrorHandler((error: Failure, _request, reply) => {
    const { isOurs, ...answer } = answerToError(error)
    if (isOurs) complain(error)
    return say(reply, answer)
  })
  app.addHook('onRequest', async (_request, reply) => {
    void reply.header('Cache-Control', 'no-store')
  })
  app.setNotFoundHandler((_request, reply) => say(reply, ANSWER.notFound))
  await app.register(rateLimit, { global: false })
  await app.register(cookie)
  await app.register(session, {
    cookieName: config.production ? '__Host-session' : 'session',
    secret: config.sessionSecret,
    store: sessionStore(sessions),
    saveUninitialized: false,
    cookie: { httpOnly: true, sameSite: 'lax', secure: config.production, path: '/', maxAge: SESSION_MS },
  })
  // From here on a request goes by one phase and, in a canary, by one side, whatever happens meanwhile.
  await app.register(
    routedRequests(migration, router, { unit: (request: FastifyRequest) => userOf(request)?.id.toString() }),
  )
  await app.register(consolePlugin(migration, watchOptions<FastifyRequest>(twin, config.console, userOf)), {
    prefix: '/twinspan',
  })
  const guesses = createAttempts(attempts, QUARTER_MS)
  const mails = { config: { rateLimit: { max: attempts, timeWindow: QUARTER_MS } } }
  // Wrong passwords count; what was right, and what nobody could judge, does not.
  const guarded = {
    preHandler: async (request: FastifyRequest, reply: FastifyReply) => {
      const retryAfter = guesses.waitFor(request.ip)
      if (retryAfter > 0) return say(reply, { ...ANSWER.tooMany, retryAfter })
    },
    onResponse: async (request: FastifyRequest, reply: FastifyReply) => {
      if ([400, 401].includes(reply.statusCode)) guesses.count(request.ip)
    },
  }

  app.post('/login', guarded, async (request, reply) => {
    const { email, password } = bodyOf(request)
    const verdict = await auth.verifyAndUpgrade(email, password, { signal: whileConnected(reply) })
    if (!verdict.ok) return say(reply, answerTo(verdict))
    await startSession(request, { id: Number(verdict.uid), email: String(email) })
    return { user: { id: Number(verdict.uid) } }
  })

  app.post('/logout', async (request, reply) => {
    await request.session.destroy()
    return reply.code(204).send()
  })

  app.get('/me', async (request, reply) => {
    const user = userOf(request)
    return (user && (await members.find(user.id))) ?? say(reply, ANSWER.notLoggedIn)
  })

  app.put('/me', async (request, reply) => {
    const user = userOf(request)
    if (user === undefined) return say(reply, ANSWER.notLoggedIn)
    const name = nameIn(bodyOf(request)['name'])
    if (name === undefined) return say(reply, ANSWER.badMember)
    return (await members.rename(user.id, name)) ?? say(reply, ANSWER.notLoggedIn)
  })

  app.post('/members', async (request, reply) => {
    if (userOf(request) === undefined) return say(reply, ANSWER.notLoggedIn)
    const body = bodyOf(request)
    const [email, name] = [emailIn(body['email']), nameIn(body['name'])]
    if (email === undefined || name === undefined) return say(reply, ANSWER.badMember)
    // In either store: somebody who has not been copied yet keeps the address.
    if (await auth.isReserved(email)) return say(reply, ANSWER.taken)
    return reply.code(201).send(await members.create(email, name))
  })

  app.post('/password', guarded, async (request, reply) => {
    const user = userOf(request)
    if (user === undefined) return say(reply, ANSWER.notLoggedIn)
    const { current, next } = bodyOf(request)
    if (!isLongEnough(next)) return say(reply, ANSWER.tooShort)
    const verdict = await auth.changePassword(user.email, current, next, { signal: whileConnected(reply) })
    if (!verdict.ok) return say(reply, answerTo(verdict))
    await startSession(request, user)
    // Whoever else is logged in as this user may be why the password was changed.
    await sessions.destroyAllOf(user.id, request.session.sessionId)
    return reply.code(204).send()
  })

  app.post('/reset', mails, (request, reply) => {
    const { email } = bodyOf(request)
    // First the answer, always the same: neither its words nor its time tell who has an account.
    void reply.code(202).send({ message: 'If there is such an account, a mail is on its way.' })
    resets.request(email).catch(complain)
  })

  app.post('/reset/confirm', guarded, async (request, reply) => {
    const { token, password } = bodyOf(request)
    if (!isLongEnough(password)) return say(reply, ANSWER.tooShort)
    const verdict = await resets.confirm(token, password)
    if (verdict === 'bad-token') return say(reply, ANSWER.badToken)
    if (!verdict.ok) return say(reply, answerTo(verdict))
    await sessions.destroyAllOf(Number(verdict.uid))
    return reply.code(204).send()
  })

  app.get('/health', async () => ({ ok: true }))

  return app
}

function userOf(request: FastifyRequest): SessionUser | undefined {
  return request.session.user
}

function bodyOf(request: FastifyRequest): Readonly<Record<string, unknown>> {
  return (request.body ?? {}) as Readonly<Record<string, unknown>>
}

function say(reply: FastifyReply, { status, error, retryAfter }: Answer): FastifyReply {
  if (retryAfter !== undefined) void reply.header('Retry-After', String(retryAfter))
  return reply.code(status).send({ error })
}

/** Logs a user in under a new session id: one that somebody else planted before is worth nothing. */
async function startSession(request: FastifyRequest, user: SessionUser): Promise<void> {
  await request.session.regenerate()
  // Saved, and its cookie set, with the answer.
  request.session.user = user
}

/** Whoever hangs up gives up the place in the queue. */
function whileConnected(reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  return gone.signal
}
