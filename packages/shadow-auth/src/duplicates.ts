import { hash as digest } from 'node:crypto'

/** Counts how often the same text comes, in bounded memory. */
export interface Duplicates {
  see(text: string, scheme: string): void
  count(): DuplicateCount
}

export interface DuplicateCount {
  /** Whether every text was counted. Otherwise a share of all different texts was, and the figures are estimates. */
  readonly exact: boolean
  /** Rows whose hash stands in another row as well, the first of each left out. */
  readonly rows: number
  /** Different hashes that stand in more than one row. */
  readonly groups: number
  /** How often the commonest hash comes. */
  readonly largest: number
  readonly byScheme: Readonly<Record<string, number>>
}

/** How many different texts are remembered: a few megabytes. */
const KEPT = 65_536

/**
 * Remembers a fingerprint of each text, until there are too many; then only of those whose fingerprint ends in one zero
 * bit more. What is kept is a fair sample of the different texts, each with its exact count.
 */
export function createDuplicates(kept: number = KEPT): Duplicates {
  const seen = new Map<number, { readonly scheme: string; rows: number }>()
  let every = 1
  return {
    see(text, scheme) {
      const print = Buffer.from(digest('sha1', text, 'buffer')).readUIntBE(0, 6)
      if (print % every !== 0) return
      const known = seen.get(print)
      if (known !== undefined) {
        known.rows++
        return
      }
      seen.set(print, { scheme, rows: 1 })
      while (seen.size > kept) {
        every *= 2
        for (const one of seen.keys()) if (one % every !== 0) seen.delete(one)
      }
    },
    count() {
      const repeated = [...seen.values()].filter(({ rows }) => rows > 1)
      const byScheme: Record<string, number> = {}
      for (const { scheme, rows } of repeated) byScheme[scheme] = (byScheme[scheme] ?? 0) + (rows - 1) * every
      return {
        exact: every === 1,
        rows: Object.values(byScheme).reduce((sum, rows) => sum + rows, 0),
        groups: repeated.length * every,
        largest: repeated.reduce((most, { rows }) => Math.max(most, rows), 0),
        byScheme,
      }
    },
  }
}
