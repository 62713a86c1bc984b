/** How long an answer is good enough, and how long it is better than none. */
const FRESH_MS = 5_000
const STALE_MS = 30_000

/**
 * Asks `work` in the background and answers with what it said last, so that what takes longer than anybody waits for (gates that
 * examine both databases) is shown all the same, and is not asked all the time. An answer that is too old gives way to the one that is
 * awaited.
 */
export function remembered<T>(work: () => Promise<T>, now: () => number = () => performance.now()): () => Promise<T> {
  let last: { readonly at: number; readonly answer: Promise<T> } | undefined
  let pending: Promise<T> | undefined

  function ask(): Promise<T> {
    const asking = (async () => work())()
    const settle = (): void => {
      last = { at: now(), answer: asking }
      pending = undefined
    }
    asking.then(settle, settle)
    return asking
  }

  return () => {
    const age = last === undefined ? Number.POSITIVE_INFINITY : now() - last.at
    if (age >= FRESH_MS) pending ??= ask()
    return last === undefined || (age >= STALE_MS && pending !== undefined) ? (pending as Promise<T>) : last.answer
  }
}
