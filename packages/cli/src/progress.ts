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
const BAR = 24

export function createProgress(host: Host, output: Output): Progress {
  if (output.json) return { update() {}, stop() {} }
  return host.stderr.isTTY === true && host.env['TERM'] !== 'dumb' ? bars(host) : lines(host)
}

function bars({ stderr, signal }: Host): Progress {
  const multi = new cliProgress.MultiBar(
    {
      stream: stderr,
      format: (_, { progress }, payload: Standing & { readonly name: string }) => {
        const full = Math.round(progress * BAR)
        const bar = payload.total === null ? '·'.repeat(BAR) : '█'.repeat(full) + '░'.repeat(BAR - full)
        return fit(`${payload.name.padEnd(14)} ${bar} ${inWords(payload)}`, (stderr.columns ?? 80) - 1)
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
    total === null ? `${count(done)} rows` : `${share(done, total)}, ${count(done)} of ${count(total)} rows`
  return note === '' ? figures : `${figures}, ${clean(note)}`
}
