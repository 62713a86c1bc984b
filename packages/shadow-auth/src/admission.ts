import { numberOption } from '@twinspan/core'
import { availableThreads } from './threads.ts'

export interface AdmissionOptions {
  /**
   * How many passwords may be computed at once. Two threads of libuv's pool stay free, or files and look-ups of host
   * names wait for logins.
   *
   * @default max(1, UV_THREADPOOL_SIZE - 2)
   */
  readonly permits?: number
  /**
   * How many may wait.
   *
   * @default 256
   */
  readonly queue?: number
  /**
   * How many of one login may compute and wait together.
   *
   * @default 32
   */
  readonly perLogin?: number
  /**
   * How long one may wait before it is turned away.
   *
   * @default 5_000
   */
  readonly waitMs?: number
}

/** The gate before every key derivation. One per process: the threads behind it are shared as well. */
export interface Admission {
  /**
   * Runs `work` when a permit is free and holds the permit until `work` has ended, whoever still waits for it.
   *
   * @returns `{ admitted: false }` when there was no room or no permit in time
   * @throws the signal's reason when it aborts while waiting
   */
  run<T>(login: string, work: () => Promise<T>, signal?: AbortSignal): Promise<Admitted<T>>
}

export type Admitted<T> = { readonly admitted: true; readonly value: T } | { readonly admitted: false }

interface Waiting {
  readonly login: string
  enter(): void
}

export function createAdmission(options: AdmissionOptions = {}): Admission {
  const bounds = { min: 1, integer: true }
  const permits = numberOption('admission.permits', options.permits, Math.max(1, availableThreads() - 2), bounds)
  const room = numberOption('admission.queue', options.queue, 256, { min: 0, integer: true })
  const perLogin = numberOption('admission.perLogin', options.perLogin, 32, bounds)
  const waitMs = numberOption('admission.waitMs', options.waitMs, 5_000, { min: 0 })

  let free = permits
  const queue = new Set<Waiting>()
  const present = new Map<string, number>()

  const arrive = (login: string): boolean => {
    const count = present.get(login) ?? 0
    if (count >= perLogin || (free === 0 && queue.size >= room)) return false
    present.set(login, count + 1)
    return true
  }
  const depart = (login: string): void => {
    const count = (present.get(login) ?? 1) - 1
    if (count === 0) present.delete(login)
    else present.set(login, count)
  }
  const release = (): void => {
    const [first] = queue
    if (first === undefined) {
      free++
      return
    }
    queue.delete(first)
    first.enter()
  }
  const enter = (login: string, signal: AbortSignal | undefined): Promise<boolean> | true => {
    if (free > 0) {
      free--
      return true
    }
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
        queue.delete(waiting)
      }
      const waiting: Waiting = {
        login,
        enter: () => {
          leave()
          resolve(true)
        },
      }
      const abort = (): void => {
        leave()
        reject(signal?.reason)
      }
      const timer = setTimeout(() => {
        leave()
        resolve(false)
      }, waitMs)
      signal?.addEventListener('abort', abort, { once: true })
      queue.add(waiting)
    })
  }

  return {
    async run(login, work, signal) {
      signal?.throwIfAborted()
      if (!arrive(login)) return { admitted: false }
      try {
        if (!(await enter(login, signal))) return { admitted: false }
        try {
          return { admitted: true, value: await work() }
        } finally {
          release()
        }
      } finally {
        depart(login)
      }
    },
  }
}
