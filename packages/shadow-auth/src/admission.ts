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

/**
 * The gate before every key derivation. One per process: the threads behind it are shared as well. Logins take turns:
 * one that is tried a hundred times does not keep the others waiting.
 */
export interface Admission {
  /**
   * Runs `work` when a permit is free and holds the permit until `work` has ended, whoever still waits for it.
   *
   * @returns `{ admitted: false }` when there was no room or no permit in time
   * @throws the signal's reason when it aborts while waiting
   */
  run<T>(login: string, work: () => Promise<T>, signal?: AbortSignal): Promise<Admitted<T>>
}

export type Admitted<T> =
  | { readonly admitted: true; readonly value: T }
  | {
      readonly admitted: false
      /** In how many milliseconds there should be room. */
      readonly retryAfterMs?: number
    }

interface Waiting {
  enter(): void
}

/** How much of the mean comes from the newest duration. */
const FRESHNESS = 1 / 16

/** Nobody is told to come back sooner. */
const MIN_RETRY_MS = 100

export function createAdmission(options: AdmissionOptions = {}): Admission {
  const bounds = { min: 1, integer: true }
  const permits = numberOption('admission.permits', options.permits, Math.max(1, availableThreads() - 2), bounds)
  const room = numberOption('admission.queue', options.queue, 256, { min: 0, integer: true })
  const perLogin = numberOption('admission.perLogin', options.perLogin, 32, bounds)
  const waitMs = numberOption('admission.waitMs', options.waitMs, 5_000, { min: 0 })

  let free = permits
  /** Who waits, by login, the login whose turn it is first. */
  const queue = new Map<string, Set<Waiting>>()
  let waiting = 0
  const present = new Map<string, number>()
  let meanMs = 0

  const arrive = (login: string): boolean => {
    const count = present.get(login) ?? 0
    if (count >= perLogin || (free === 0 && waiting >= room)) return false
    present.set(login, count + 1)
    return true
  }
  const depart = (login: string): void => {
    const count = (present.get(login) ?? 1) - 1
    if (count === 0) present.delete(login)
    else present.set(login, count)
  }
  const line = (login: string, one: Waiting): void => {
    const same = queue.get(login) ?? new Set()
    queue.set(login, same.add(one))
    waiting++
  }
  const unline = (login: string, one: Waiting): void => {
    const same = queue.get(login)
    if (!same?.delete(one)) return
    waiting--
    if (same.size === 0) queue.delete(login)
  }
  const release = (): void => {
    const [turn] = queue
    const [first] = turn?.[1] ?? []
    if (turn === undefined || first === undefined) {
      free++
      return
    }
    // What is left of this login goes to the end of the line.
    queue.delete(turn[0])
    queue.set(turn[0], turn[1])
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
        unline(login, one)
      }
      const one: Waiting = {
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
      line(login, one)
    })
  }
  const timed = async <T>(work: () => Promise<T>): Promise<T> => {
    const startedAt = performance.now()
    try {
      return await work()
    } finally {
      const tookMs = performance.now() - startedAt
      meanMs += (tookMs - meanMs) * (meanMs === 0 ? 1 : FRESHNESS)
    }
  }
  const busy = (): { readonly admitted: false; readonly retryAfterMs: number } => ({
    admitted: false,
    retryAfterMs: Math.max(MIN_RETRY_MS, Math.ceil((meanMs * (waiting + permits)) / permits)),
  })

  return {
    async run(login, work, signal) {
      signal?.throwIfAborted()
      if (!arrive(login)) return busy()
      try {
        if (!(await enter(login, signal))) return busy()
        try {
          return { admitted: true, value: await timed(work) }
        } finally {
          release()
        }
      } finally {
        depart(login)
      }
    },
  }
}
