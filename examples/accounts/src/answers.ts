import type { ChangeVerdict, Verdict } from '@twinspan/shadow-auth'

/** What a client is told. The words are the same whether the account exists or not. */
export interface Answer {
  readonly status: number
  readonly error: string
  /** Seconds. */
  readonly retryAfter?: number
}

type Refusal = Extract<Verdict | ChangeVerdict, { readonly ok: false }>

const ANSWERS: Readonly<Record<Refusal['reason'], Answer>> = {
  invalid: { status: 401, error: 'Wrong e-mail address or password.' },
  // Only whoever typed the right password gets to see these two.
  locked: { status: 403, error: 'This account is locked.' },
  'reset-required': { status: 403, error: 'Please choose a new password: ask for a link to reset it.' },
  busy: { status: 429, error: 'Too many people are logging in. Please try again in a moment.' },
  // No word about the password: it may well be right, and does not count towards anything.
  unavailable: { status: 503, error: 'Logging in does not work at the moment. Please try again.', retryAfter: 10 },
  unacceptable: { status: 400, error: 'This cannot be a password.' },
}

export function answerTo({ reason, retryAfterMs }: Refusal): Answer {
  const answer = ANSWERS[reason]
  return retryAfterMs === undefined ? answer : { ...answer, retryAfter: Math.ceil(retryAfterMs / 1_000) }
}

/** Answers that no verdict is behind. */
export const ANSWER = {
  notLoggedIn: { status: 401, error: 'Please log in.' },
  badRequest: { status: 400, error: 'This request cannot be read.' },
  tooLarge: { status: 413, error: 'This request is too large.' },
  tooShort: { status: 400, error: 'A password has 10 characters at least.' },
  badMember: { status: 400, error: 'This cannot be a name or an e-mail address.' },
  taken: { status: 409, error: 'There is such a member already.' },
  badToken: { status: 400, error: 'This link is not valid any more. Please ask for another one.' },
  tooMany: { status: 429, error: 'Too many attempts. Please try again later.' },
  unavailable: { status: 503, error: 'This does not work at the moment. Please try again.', retryAfter: 10 },
  failed: { status: 500, error: 'Something went wrong.' },
  notFound: { status: 404, error: 'There is nothing here.' },
} as const satisfies Readonly<Record<string, Answer>>

/** What a client is told of an error, and whether anybody else has to hear of it. */
export function answerToError({
  status,
  statusCode = status ?? 500,
  code,
}: Failure): Answer & { readonly isOurs: boolean } {
  if (statusCode === 413) return { ...ANSWER.tooLarge, isOurs: false }
  if (statusCode === 429) return { ...ANSWER.tooMany, isOurs: false }
  if (statusCode < 500) return { ...ANSWER.badRequest, isOurs: false }
  return { ...(typeof code === 'string' && PASSING.has(code) ? ANSWER.unavailable : ANSWER.failed), isOurs: true }
}

/** An error as Express and Fastify hand it on. */
export type Failure = Error & { readonly status?: number; readonly statusCode?: number; readonly code?: unknown }

/** What is over by itself: a switch that takes too long, a store that does not answer. */
const PASSING: ReadonlySet<string> = new Set(['TWINSPAN_STALE_PHASE', 'TWINSPAN_UNAVAILABLE', 'TWINSPAN_TIMEOUT'])

/** The class and the code, never the message: drivers and parsers quote what they were given. */
export function complain({ name, code }: Failure): void {
  console.error(new Date().toISOString(), name, code ?? '')
}

const SHORTEST = 10

/** The policy for new passwords. What else one may want (a list of leaked ones) belongs here. */
export function isLongEnough(password: unknown): boolean {
  return typeof password === 'string' && [...new Intl.Segmenter().segment(password)].length >= SHORTEST
}

const LONGEST_NAME = 100

/** What a name may be, as text; `undefined` for anything else. */
export function nameIn(name: unknown): string | undefined {
  const text = typeof name === 'string' ? name.trim() : ''
  return text !== '' && text.length <= LONGEST_NAME && text.isWellFormed() ? text : undefined
}

/** The same for an address. Whether somebody reads what is sent there is found out by sending. */
export function emailIn(email: unknown): string | undefined {
  return typeof email === 'string' && email.length <= 190 && /^[^\s@]+@[^\s@]+$/.test(email) ? email : undefined
}
