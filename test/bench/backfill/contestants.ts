import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { YOUNG } from '../young.ts'
import type { Translation } from './accounts.ts'
import { watchProcess } from './watch-process.ts'
import type { WorkerOrder, WorkerReport } from './worker.ts'

export interface Assignment {
  /** URLs of the two databases. */
  readonly legacy: string
  readonly target: string
  /** Of the migration between them, which is at `dual-write`. */
  readonly name: string
  readonly rows: number
}

/** One copy of `accounts` from one database to another. */
export interface Run {
  /** Of the copy; of a peer, of its whole process. */
  readonly seconds: number
  /** The same of the processor; the rounds add that of the servers. */
  readonly cpuSeconds: number
  readonly rssMb: number
}

export interface Contestant {
  /** A program that it needs; the case is skipped where it is not installed. */
  readonly program?: string
  run(copy: Assignment): Promise<Run>
}

export const ours = (translation: Translation): Contestant => ({
  async run({ rows, ...databases }) {
    const order: WorkerOrder = { ...databases, translation }
    const worker = join(import.meta.dirname, 'worker.ts')
    const { stdout, rssMb } = await watchProcess(process.execPath, [
      ...process.execArgv,
      YOUNG,
      worker,
      JSON.stringify(order),
    ])
    const { inserted, seconds, cpuSeconds } = JSON.parse(stdout) as WorkerReport
    // A fast copy of half the rows is no result.
    if (inserted !== rows) throw new Error(`copied ${inserted} of ${rows} rows`)
    return { seconds, cpuSeconds, rssMb }
  },
})

/** pgloader into the table that is there already, its primary key included, as a backfill finds it. */
export const pgloader: Contestant = {
  program: 'pgloader',
  async run({ legacy, target }) {
    const schema = new URL(legacy).pathname.slice(1)
    const folder = mkdtempSync(join(tmpdir(), 'twinspan-pgloader-'))
    try {
      const script = join(folder, 'accounts.load')
      const commands = `load database from ${legacy} into ${target}
        with data only, no truncate, reset no sequences
        including only table names matching 'accounts'
        alter schema '${schema}' rename to 'public';`
      writeFileSync(script, commands)
      return await watchProcess('pgloader', ['--root-dir', folder, '--on-error-stop', script])
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

/** `COPY` out of one database into the other through a pipe. */
export const copy: Contestant = {
  program: 'psql',
  run({ legacy, target }) {
    const [out, into] = ['copy accounts to stdout', 'copy accounts from stdin']
    return watchProcess('sh', ['-c', `psql -X -c '${out}' '${legacy}' | psql -X -q -c '${into}' '${target}'`])
  },
}

export function isInstalled(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0
}
