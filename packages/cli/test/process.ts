import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

const BIN: string = join(import.meta.dirname, '..', 'src', 'bin.ts')

/** What starts the command line as it is in this repository. */
export const NODE_ARGUMENTS: readonly string[] = ['--conditions=twinspan-src', '--no-warnings', BIN]

export interface Process {
  readonly child: ChildProcess
  /** What it wrote, on either stream, and its exit status. */
  readonly ended: Promise<{ readonly code: number; readonly out: string }>
}

/** A real process of the command line, which does not outlive the test. */
export function startIn(folder: string, ...args: readonly string[]): Process {
  const child = spawn(process.execPath, [...NODE_ARGUMENTS, ...args], {
    cwd: folder,
    env: { ...process.env, USER: 'ann' },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let out = ''
  child.stdout.on('data', (chunk) => (out += chunk))
  child.stderr.on('data', (chunk) => (out += chunk))
  return { child, ended: once(child, 'close').then(([code]) => ({ code: Number(code), out })) }
}
