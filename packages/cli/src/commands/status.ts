import { Option } from 'commander'
import type { CommandDefinition } from '../command.ts'
import { numberBetween } from '../numbers.ts'
import { type GateSummary, readStatus } from '../read-status.ts'
import type { Session } from '../session.ts'
import { statusLines } from '../status-lines.ts'

interface StatusFlags {
  readonly watch?: boolean
  readonly every: number
  readonly gates: boolean
}

/** Gates try rows in transactions that are rolled back: a screen that redraws itself asks them less often than the rest. */
const GATES_EVERY_MS = 15_000

const HOME_AND_CLEAR = '\u001B[H\u001B[J'

export const status: CommandDefinition<StatusFlags> = {
  usage: 'status',
  summary: 'one glance: phase, processes, journal, canary, backfill, sweeps, gates',
  examples: ['status', 'status --watch', 'status --no-gates --json'],
  options: [
    new Option('-w, --watch', 'again and again, until Ctrl-C'),
    new Option('--every <seconds>', 'how often with --watch').default(2).argParser(numberBetween(0.2, 3_600)),
    new Option('--no-gates', 'leave the gates of the next switch alone'),
  ],
  async run({ host, output, open }, { watch = false, every, gates: asks }) {
    const session = await open()
    let gates: GateSummary | null = null
    let askedAt = Number.NEGATIVE_INFINITY
    for (;;) {
      if (asks && performance.now() - askedAt >= GATES_EVERY_MS) {
        gates = await summary(session)
        askedAt = performance.now()
      }
      const { unread, ...found } = await readStatus(session.migration)
      const problems = asks && gates === null ? [...unread, 'gates: they could not be asked'] : unread
      const shown = { ...found, gates, unread: problems }
      output.object(shown)
      const redraw = watch && output.isTerminal ? HOME_AND_CLEAR : ''
      const [first = '', ...more] = statusLines(output, shown)
      output.lines(`${redraw}${first}`, ...more, ...(watch && !output.isTerminal ? [''] : []))
      if (!watch) return problems.length === 0 ? 'done' : 'failed'
      await session.migration.sleep(every * 1_000, host.signal).catch(() => {})
      // Ctrl-C is how a watch ends.
      if (host.signal.aborted) return 'done'
    }
  },
}

async function summary(session: Session): Promise<GateSummary | null> {
  try {
    const { to, gates } = await session.cutover({ drives: false }).plan()
    const closed = gates.filter(({ ok }) => !ok).map(({ name }) => name)
    return { to, open: gates.length - closed.length, of: gates.length, closed }
  } catch {
    return null
  }
}
