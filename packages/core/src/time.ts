import { TimeoutError } from './errors.ts'

/** Waits `ms`, or rejects with the signal's reason as soon as it aborts. Keeps no process alive. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const end = (): void => {
      signal?.removeEventListener('abort', abort)
      resolve()
    }
    const timer = setTimeout(end, ms)
    timer.unref()
    const abort = (): void => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', abort, { once: true })
  })
}

/**
 * The result of `work`, or a `TimeoutError` after `ms`. The work itself goes on, and its late failure is nobody's unhandled
 * rejection: what matters is that the caller does not wait for it.
 */
export function within<T>(ms: number, what: string, work: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new TimeoutError(what, ms)), ms)
    const settle = (deliver: () => void): void => {
      clearTimeout(timer)
      deliver()
    }
    // An async function, so that a synchronous throw of `work` is a rejection as well.
    const started = (async () => work())()
    started.then(
      (value) => settle(() => resolve(value)),
      (error: unknown) => settle(() => reject(error)),
    )
  })
}
