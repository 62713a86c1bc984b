import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where everything of one run lies. */
export interface Paths {
  readonly legacy: string
  readonly target: string
  readonly ledger: string
  readonly archive: string
  readonly report: string
  log(name: string): string
  /** Lets the next run have the folder. */
  release(): void
}

/**
 * Empties the folder and takes it for this run.
 *
 * @throws Error when another run that is alive works in it
 */
export function freshPaths(folder: string): Paths {
  const holder = join(folder, 'pid')
  const pid = holderOf(holder)
  if (pid !== undefined) {
    throw new Error(
      `Another run (pid ${pid}) works in ${folder}. Wait for it, or give this one a folder: --data=FOLDER`,
    )
  }
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(join(folder, 'logs'), { recursive: true })
  writeFileSync(holder, String(process.pid))
  return {
    legacy: join(folder, 'legacy.sqlite'),
    target: join(folder, 'target'),
    ledger: join(folder, 'ledger.ndjson'),
    archive: join(folder, 'archive'),
    report: join(folder, 'report.json'),
    log: (name) => join(folder, 'logs', `${name}.log`),
    release: () => rmSync(holder, { force: true }),
  }
}

/** The process that works in the folder, if it is alive. */
function holderOf(file: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, 'utf8'))
    // Signal 0 asks whether there is such a process.
    process.kill(pid, 0)
    return pid
  } catch {
    return undefined
  }
}
