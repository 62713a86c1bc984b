import type { Accounts } from './accounts.ts'
import { quantile } from './statistics.ts'

export const ROWS = 20_000

/** What one subject did in one round. Times in milliseconds. */
export interface Round {
  readonly p50: number
  readonly p99: number
  /** Writes that succeeded, per second. */
  readonly throughput: number
  /** Share of the writes that failed. */
  readonly failed: number
}

/** So many clients, each writing one account after the other for so long. */
export async function writeFor(seconds: number, clients: number, accounts: Accounts): Promise<Round> {
  const took: number[] = []
  let failed = 0
  const began = performance.now()
  const end = began + seconds * 1_000
  const client = async (): Promise<void> => {
    while (performance.now() < end) {
      const id = 1 + Math.floor(Math.random() * ROWS)
      const sent = performance.now()
      try {
        await accounts.save(id, Math.floor(sent))
      } catch {
        failed++
      }
      took.push(performance.now() - sent)
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  const spent = (performance.now() - began) / 1_000
  return {
    p50: quantile(took, 0.5),
    p99: quantile(took, 0.99),
    throughput: (took.length - failed) / spent,
    failed: failed / took.length,
  }
}
