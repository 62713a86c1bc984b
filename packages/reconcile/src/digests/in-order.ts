/**
 * Works on what the source gives, up to `atOnce` at a time, and hands the results out in the order of the source. The source is
 * asked for the next while these are at work, but not where `atOnce` is 0: then one thing is done after the other. Nothing further is
 * begun once a result was not asked for.
 */
export async function* inOrder<T, R>(
  source: AsyncIterator<T>,
  atOnce: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  if (atOnce === 0) {
    for (let step = await source.next(); step.done !== true; step = await source.next()) yield await work(step.value)
    return
  }
  const running: Promise<R>[] = []
  const ask = (): Promise<IteratorResult<T>> => {
    const next = source.next()
    // It is awaited below, maybe after another one has failed.
    next.catch(() => {})
    return next
  }
  let next: Promise<IteratorResult<T>> | undefined = ask()
  try {
    for (;;) {
      while (next !== undefined && running.length < atOnce) {
        const step: IteratorResult<T> = await next
        next = step.done === true ? undefined : ask()
        if (step.done === true) break
        const result = work(step.value)
        result.catch(() => {})
        running.push(result)
      }
      const first = running.shift()
      if (first === undefined) return
      yield await first
    }
  } finally {
    // Nothing goes on unseen after the end.
    await Promise.allSettled([next, ...running])
  }
}
