import { consoleHandler } from '@twinspan/console'
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
import { routeRequests } from '@twinspan/router/express'
import express, { type ErrorRequestHandler, type Express, type Request, type Response } from 'express'
import { type Options, rateLimit } from 'express-rate-limit'
import session from 'express-session'
import { SessionStore } from './session-store.ts'

declare module 'express-session' {
  interface SessionData {
    user?: SessionUser
  }
}

const QUARTER_MS = 15 * 60 * 1_000

/** The service: its members, their logins, and the console. What is called the same everywhere stands in `@twinspan/example-accounts`. */
export function createApp({ auth, sessions, resets, twin, config, attempts = 20 }: Parts): Express {
  const { migration, members, router } = twin
  const app = express()
  app.disable('x-powered-by')
  app.set('trust proxy', config.proxies)
  app.use((_request, response, next) => {
    response.set('Cache-Control', 'no-store')
    next()
  })
  // Before the session: a body that is too large costs no look-up. Only JSON is read, which no foreign page can send
  // without asking first; together with SameSite cookies that is the protection against forged requests.
  app.use(express.json({ limit: '8kb', strict: true }))
  app.use(
    session({
      name: config.production ? '__Host-session' : 'session',
      secret: config.sessionSecret,
      store: new SessionStore(sessions),
      resave: false,
      saveUninitialized: false,
      rolling: true,
      cookie: { httpOnly: true, sameSite: 'lax', secure: config.production, path: '/', maxAge: SESSION_MS },
    }),
  )
  app.use('/twinspan', consoleHandler(migration, watchOptions<Request>(twin, config.console, userOf)))
  // From here on a request goes by one phase and, in a canary, by one side, whatever happens meanwhile.
  app.use(routeRequests(migration, router, { unit: (request: Request) => userOf(request)?.id.toString() }))
  const limits: Partial<Options> = {
    windowMs: QUARTER_MS,
    limit: attempts,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    handler: (_request, response) => say(response, ANSWER.tooMany),
  }
  // Wrong passwords count; what was right, and what nobody could judge, does not.
  const guesses = rateLimit({
    ...limits,
    skipSuccessfulRequests: true,
    requestWasSuccessful: (_request, response) => ![400, 401].includes(response.statusCode),
  })
  const mails = rateLimit(limits)

  app.post('/login', guesses, async (request, response) => {
    const { email, password } = bodyOf(request)
    const verdict = await auth.verifyAndUpgrade(email, password, { signal: whileConnected(response) })
    if (!verdict.ok) return say(response, answerTo(verdict))
    await startSession(request, { id: Number(verdict.uid), email: String(email) })
    response.json({ user: { id: Number(verdict.uid) } })
  })

  app.post('/logout', async (request, response) => {
    await new Promise<void>((resolve, reject) =>
      request.session.destroy((error) => (error ? reject(error) : resolve())),
    )
    response.status(204).end()
  })

  app.get('/me', async (request, response) => {
    const user = userOf(request)
    const member = user && (await members.find(user.id))
    if (member === undefined) return say(response, ANSWER.notLoggedIn)
    response.json(member)
  })

  app.put('/me', async (request, response) => {
    const user = userOf(request)
    if (user === undefined) return say(response, ANSWER.notLoggedIn)
    const name = nameIn(bodyOf(request)['name'])
    if (name === undefined) return say(response, ANSWER.badMember)
    const member = await members.rename(user.id, name)
    if (member === undefined) return say(response, ANSWER.notLoggedIn)
    response.json(member)
  })

  app.post('/members', async (request, response) => {
    if (userOf(request) === undefined) return say(response, ANSWER.notLoggedIn)
    const body = bodyOf(request)
    const [email, name] = [emailIn(body['email']), nameIn(body['name'])]
    if (email === undefined || name === undefined) return say(response, ANSWER.badMember)
    // In either store: somebody who has not been copied yet keeps the address.
    if (await auth.isReserved(email)) return say(response, ANSWER.taken)
    response.status(201).json(await members.create(email, name))
  })

  app.post('/password', guesses, async (request, response) => {
    const user = userOf(request)
    if (user === undefined) return say(response, ANSWER.notLoggedIn)
    const { current, next } = bodyOf(request)
    if (!isLongEnough(next)) return say(response, ANSWER.tooShort)
    const verdict = await auth.changePassword(user.email, current, next, { signal: whileConnected(response) })
    if (!verdict.ok) return say(response, answerTo(verdict))
    await startSession(request, user)
    // Whoever else is logged in as this user may be why the password was changed.
    await sessions.destroyAllOf(user.id, request.sessionID)
    response.status(204).end()
  })

  app.post('/reset', mails, (request, response) => {
    const { email } = bodyOf(request)
    // First the answer, always the same: neither its words nor its time tell who has an account.
    response.status(202).json({ message: 'If there is such an account, a mail is on its way.' })
    resets.request(email).catch(complain)
  })

  app.post('/reset/confirm', guesses, async (request, response) => {
    const { token, password } = bodyOf(request)
    if (!isLongEnough(password)) return say(response, ANSWER.tooShort)
    const verdict = await resets.confirm(token, password)
    if (verdict === 'bad-token') return say(response, ANSWER.badToken)
    if (!verdict.ok) return say(response, answerTo(verdict))
    await sessions.destroyAllOf(Number(verdict.uid))
    response.status(204).end()
  })

  app.get('/health', (_request, response) => {
    response.json({ ok: true })
  })

  app.use((_request, response) => say(response, ANSWER.notFound))
  app.use(onError)
  return app
}

function userOf(request: Request): SessionUser | undefined {
  return request.session.user
}

function bodyOf(request: Request): Readonly<Record<string, unknown>> {
  return (request.body ?? {}) as Readonly<Record<string, unknown>>
}

function say(response: Response, { status, error, retryAfter }: Answer): void {
  if (retryAfter !== undefined) response.set('Retry-After', String(retryAfter))
  response.status(status).json({ error })
}

/** Logs a user in under a new session id: one that somebody else planted before is worth nothing. */
async function startSession(request: Request, user: SessionUser): Promise<void> {
  await new Promise<void>((resolve, reject) =>
    request.session.regenerate((error) => (error ? reject(error) : resolve())),
  )
  request.session.user = user
  await new Promise<void>((resolve, reject) => request.session.save((error) => (error ? reject(error) : resolve())))
}

/** Whoever hangs up gives up the place in the queue. */
function whileConnected(response: Response): AbortSignal {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  return gone.signal
}

const onError: ErrorRequestHandler = (error: Failure, _request, response, next) => {
  // Nobody is there any more to be answered.
  if (response.destroyed) return
  if (response.headersSent) return next(error)
  const { isOurs, ...answer } = answerToError(error)
  if (isOurs) complain(error)
  say(response, answer)
}
