/** Failed attempts by address, in windows of a fixed length. */
export interface Attempts {
  count(address: string): void
  /** How many seconds an address has to wait; 0 when it may go on. */
  waitFor(address: string): number
}

/** More addresses than one process has to remember. */
const MOST = 100_000

export function createAttempts(limit: number, windowMs: number, now: () => number = Date.now): Attempts {
  const windows = new Map<string, { readonly endsAt: number; failed: number }>()
  return {
    count(address) {
      const known = windows.get(address)
      if (known !== undefined && known.endsAt > now()) {
        known.failed++
        return
      }
      // The first in a map is the oldest.
      const [oldest] = windows.keys()
      if (windows.size >= MOST && oldest !== undefined) windows.delete(oldest)
      windows.delete(address)
      windows.set(address, { endsAt: now() + windowMs, failed: 1 })
    },
    waitFor(address) {
      const known = windows.get(address)
      if (known === undefined || known.failed < limit) return 0
      return Math.max(0, Math.ceil((known.endsAt - now()) / 1_000))
    },
  }
}
