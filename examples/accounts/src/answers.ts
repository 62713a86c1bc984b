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
  badToken: { status: 400, error: 'This link is not valid any more. Please ask for another one.' },
  tooMany: { status: 429, error: 'Too many attempts. Please try again later.' },
  failed: { status: 500, error: 'Something went wrong.' },
  notFound: { status: 404, error: 'There is nothing here.' },
} as const satisfies Readonly<Record<string, Answer>>

const SHORTEST = 10

/** The policy for new passwords. What else one may want (a list of leaked ones) belongs here. */
export function isLongEnough(password: unknown): boolean {
  return typeof password === 'string' && [...new Intl.Segmenter().segment(password)].length >= SHORTEST
}
