import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'

/** What a user wrote: the whole state that the key has afterwards, or `null` when it was deleted. */
export type Written = Readonly<Record<string, unknown>> | null

export interface LedgerEntry {
  /** Counts the writes, from 1. */
  readonly n: number
  readonly entity: 'place' | 'account'
  /** `null`: a creation whose answer never came, so nobody knows its key. */
  readonly key: number | null
  readonly operation: string
  readonly state: Written
  /** Milliseconds since 1970, with fractions: when the request left and when its answer was read. */
  readonly sent: number
  readonly answered: number
  /** `unknown`: no answer, or one that promises nothing. The write may have happened, or still happen. */
  readonly outcome: 'acknowledged' | 'unknown'
}

/** The generator's own record of what the service promised, one JSON object a line, on disk before the next request leaves. */
export class Ledger {
  readonly #file: number
  #count = 0
  acknowledged = 0

  constructor(path: string) {
    this.#file = openSync(path, 'a')
  }

  write(entry: Omit<LedgerEntry, 'n'>): void {
    this.#count++
    if (entry.outcome === 'acknowledged') this.acknowledged++
    writeSync(this.#file, `${JSON.stringify({ n: this.#count, ...entry })}\n`)
  }

  close(): void {
    closeSync(this.#file)
  }
}

export function readLedger(path: string): LedgerEntry[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LedgerEntry)
}
