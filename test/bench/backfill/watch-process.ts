import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { childSeconds } from '../cpu.ts'

export interface ProcessCost {
  readonly stdout: string
  /** From the start of the process to its end. */
  readonly seconds: number
  /** Of the process and those that it started. */
  readonly cpuSeconds: number
  /** The most memory that it had at once; of several, their sum. */
  readonly rssMb: number
}

/** Runs a program to its end. @throws when it fails, with what it said */
export async function watchProcess(command: string, args: readonly string[]): Promise<ProcessCost> {
  const cpu = childSeconds()
  const begun = performance.now()
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const said = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      said[stream] += text
    })
  }
  let rssKb = 0
  const watch = setInterval(() => {
    rssKb = Math.max(rssKb, peakKb(child.pid ?? 0))
  }, 50)
  try {
    const status = await new Promise<number | null>((resolve, reject) => child.on('close', resolve).on('error', reject))
    const seconds = (performance.now() - begun) / 1000
    if (status !== 0) throw new Error(`${command} ended with ${status}: ${said.stderr}${said.stdout}`)
    const cpuSeconds = childSeconds() - cpu
    return { stdout: said.stdout, seconds, cpuSeconds, rssMb: rssKb / 1024 }
  } finally {
    clearInterval(watch)
  }
}

/** What the kernel remembers as the peak of a process, and of its children. */
function peakKb(pid: number): number {
  try {
    const own = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
    return children.reduce((sum, child) => sum + peakKb(Number(child)), own)
  } catch {
    // It ended meanwhile.
    return 0
  }
}
