import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** Where everything of one run lies. */
export interface Paths {
  readonly legacy: string
  readonly target: string
  readonly ledger: string
  readonly archive: string
  readonly report: string
  log(name: string): string
}

/** Empties the folder. */
export function freshPaths(folder: string): Paths {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(join(folder, 'logs'), { recursive: true })
  return {
    legacy: join(folder, 'legacy.sqlite'),
    target: join(folder, 'target'),
    ledger: join(folder, 'ledger.ndjson'),
    archive: join(folder, 'archive'),
    report: join(folder, 'report.json'),
    log: (name) => join(folder, 'logs', `${name}.log`),
  }
}
