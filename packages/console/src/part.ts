import { redact, TimeoutError, within } from '@twinspan/core'
import { clipText } from './clip.ts'

/** A fact that somebody else had to be asked for: what he said, or why there is nothing to say. */
export type Part<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly why: 'does not answer' | 'failed'; readonly error: string }

/** Asks for the parts of a status, each with a timeout of its own. */
export interface Asker {
  /** Never rejects. Two questions of one name share an answer while it is awaited. */
  ask<T>(name: string, work: () => Promise<T>): Promise<Part<T>>
}

/** After so many timeouts a question counts as lost and is asked anew: a dead connection answers nobody, ever. */
const PATIENCE = 15

export function createAsker(timeoutMs: number): Asker {
  const pending = new Map<string, Promise<unknown>>()

  // Whoever asks a database that hangs every two seconds, and forgets, has a thousand questions open after half an hour.
  function once<T>(name: string, work: () => Promise<T>): Promise<T> {
    const asked = pending.get(name) as Promise<T> | undefined
    if (asked !== undefined) return asked
    const asking = within(timeoutMs * PATIENCE, name, work).finally(() => pending.delete(name))
    pending.set(name, asking)
    // Whoever waits gave up long before; nobody else hears of a late failure.
    asking.catch(() => {})
    return asking
  }

  return {
    async ask(name, work) {
      try {
        return { ok: true, value: await within(timeoutMs, name, () => once(name, work)) }
      } catch (error) {
        const why = error instanceof TimeoutError ? 'does not answer' : 'failed'
        return { ok: false, why, error: clipText(redact(error)) }
      }
    },
  }
}
