import cliProgress from 'cli-progress'
import type { Host } from './host.ts'
import type { Output } from './output.ts'
import { clean, count, fit, share } from './text.ts'

export interface Standing {
  readonly done: number
  /** `null` where nobody knows. */
  readonly total: number | null
  readonly note: string
}

/** How far something is: bars on a terminal, a line now and then elsewhere, nothing with `--json`. All of it on stderr. */
export interface Progress {
  update(name: string, standing: Standing): void
  /** Leaves the terminal as it should be. Idempotent. */
  stop(): void
}

const EVERY_MS = 2_000

/** Wide enough to see it move, and on 80 columns narrow enough for millions of rows and the time left. */
const barOf = (columns: number): number => (columns < 100 ? 16 : 24)

export function createProgress(host: Host, output: Output): Progress {
  if (output.json) return { update() {}, stop() {} }
  return host.stderr.isTTY === true && host.env['TERM'] !== 'dumb' ? bars(host) : lines(host)
}

function bars({ stderr, signal }: Host): Progress {
  const multi = new cliProgress.MultiBar(
    {
      stream: stderr,
      format: (_, { progress }, payload: Standing & { readonly name: string }) => {
        const columns = stderr.columns || 80
        const width = barOf(columns)
        const full = Math.floor(progress * width)
        const bar = payload.total === null ? '·'.repeat(width) : '█'.repeat(full) + '░'.repeat(width - full)
        return fit(`${fit(payload.name, 20).padEnd(14)} ${bar} ${inWords(payload)}`, columns - 1)
      },
      hideCursor: true,
      forceRedraw: true,
      gracefulExit: false,
    },
    cliProgress.Presets.shades_classic,
  )
  const known = new Map<string, cliProgress.SingleBar>()
  let isStopped = false
  function stop(): void {
    if (!isStopped) multi.stop()
    isStopped = true
    signal.removeEventListener('abort', stop)
  }
  signal.addEventListener('abort', stop, { once: true })
  return {
    update(name, standing) {
      if (isStopped) return
      const total = Math.max(1, standing.total ?? standing.done)
      const payload = { ...standing, name: clean(name) }
      const bar = known.get(name)
      if (bar === undefined) {
        known.set(name, multi.create(total, standing.done, payload))
        return
      }
      bar.setTotal(total)
      bar.update(standing.done, payload)
    },
    stop,
  }
}

function lines({ stderr }: Host): Progress {
  const told = new Map<string, number>()
  const untold = new Map<string, () => void>()
  return {
    update(name, standing) {
      const tell = (): void => {
        untold.delete(name)
        told.set(name, performance.now())
        stderr.write(`${clean(name)}: ${inWords(standing)}\n`)
      }
      untold.set(name, tell)
      if (performance.now() - (told.get(name) ?? Number.NEGATIVE_INFINITY) >= EVERY_MS) tell()
    },
    stop() {
      for (const tell of [...untold.values()]) tell()
    },
  }
}

function inWords({ done, total, note }: Standing): string {
  const figures =
    total === null || total === 0
      ? `${count(done)} rows`
      : `${share(done, total)}, ${count(done)} of ${count(total)} rows`
  return note === '' ? figures : `${figures}, ${clean(note)}`
}
