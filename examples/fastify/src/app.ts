import cookie from '@fastify/cookie'
import rateLimit from '@fastify/rate-limit'
import session from '@fastify/session'
import {
  ANSWER,
  type Answer,
  answerTo,
  type Config,
  isLongEnough,
  type Resets,
  SESSION_MS,
  type Sessions,
  type SessionUser,
} from '@twinspan/example-accounts'
import type { ShadowAuth } from '@twinspan/shadow-auth'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { createAttempts } from './attempts.ts'
import { sessionStore } from './session-store.ts'

declare module 'fastify' {
  interface Session {
    user?: SessionUser
  }
}

export interface AppParts {
  readonly auth: ShadowAuth
  readonly sessions: Sessions
  readonly resets: Resets
  readonly config: Pick<Config, 'production' | 'sessionSecret' | 'proxies'>
  /** Wrong passwords and reset mails per address in a quarter of an hour. */
  readonly attempts?: number
}

const QUARTER_MS = 15 * 60 * 1_000

/** The service: login, logout, change, reset. What is called the same everywhere stands in `@twinspan/example-accounts`. */
export async function createApp({ auth, sessions, resets, config, attempts = 20 }: AppParts): Promise<FastifyInstance> {
  const app = fastify({ bodyLimit: 8 * 1_024, trustProxy: (_address, hop) => hop < config.proxies })
  // Only JSON is read, which no foreign page can send without asking first; together with SameSite cookies that is the
  // protection against forged requests.
  app.removeContentTypeParser('text/plain')
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const { statusCode = 500 } = error
    if (statusCode === 413) return say(reply, ANSWER.tooLarge)
    if (statusCode === 429) return say(reply, ANSWER.tooMany)
    if (statusCode < 500) return say(reply, ANSWER.badRequest)
    complain(error)
    return say(reply, ANSWER.failed)
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
    const { user } = request.session
    return user === undefined ? say(reply, ANSWER.notLoggedIn) : { user }
  })

  app.post('/password', guarded, async (request, reply) => {
    const { user } = request.session
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

// The class and the code, never the message: drivers and parsers quote what they were given.
function complain(error: Error & { readonly code?: unknown }): void {
  console.error(new Date().toISOString(), error.name, error.code ?? '')
}
