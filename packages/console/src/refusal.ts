/** Why a request gets no answer, as a status and a word for the machine. The text says nothing that the asker did not know. */
export interface Refusal {
  readonly status: number
  readonly error: string
  readonly text: string
}

type RefusalName =
  | 'host'
  | 'origin'
  | 'unauthorized'
  | 'mayNotAct'
  | 'notFound'
  | 'method'
  | 'header'
  | 'body'
  | 'reason'
  | 'step'
  | 'percent'
  | 'confirmation'
  | 'busy'

export const REFUSALS: Readonly<Record<RefusalName, Refusal>> = {
  host: { status: 421, error: 'wrong-host', text: 'The console does not answer under this host.' },
  origin: { status: 403, error: 'cross-origin', text: 'The console answers its own page only.' },
  unauthorized: { status: 403, error: 'not-authorized', text: 'You may not see this.' },
  mayNotAct: { status: 403, error: 'may-not-act', text: 'You may look, and nothing else.' },
  notFound: { status: 404, error: 'not-found', text: 'There is nothing here.' },
  method: { status: 405, error: 'method-not-allowed', text: 'This cannot be asked in this way.' },
  header: { status: 403, error: 'header-missing', text: 'The header x-twinspan-console is missing.' },
  body: { status: 400, error: 'bad-body', text: 'The body must be a small JSON object.' },
  reason: { status: 400, error: 'reason-missing', text: 'Say why: the audit trail keeps the reason.' },
  step: { status: 400, error: 'bad-step', text: 'There is no such phase to go to.' },
  percent: { status: 400, error: 'bad-percent', text: 'A share is a number from 0 to 100.' },
  confirmation: { status: 400, error: 'not-confirmed', text: "Type the migration's name to confirm." },
  busy: { status: 503, error: 'too-many-watch', text: 'Too many people watch. Try again in a while.' },
}
