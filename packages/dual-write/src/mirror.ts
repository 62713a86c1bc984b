import { type JournalStats, type Migration, numberOption, otherSide, type SideName, within } from '@twinspan/core'
import { createBreaker } from './breaker.ts'
import { callsOf } from './calls.ts'
import { createCompactor } from './compactor.ts'
import { createCopier, type Outcome } from './copier.ts'
import { createPace } from './pace.ts'
import { reapCalls } from './reaper.ts'
import { createWaker } from './waker.ts'

export interface MirrorOptions {
  /** How many journal rows are taken at once. Many of one entity are copied in two transactions side by side. @default 1_000 */
  readonly batchSize?: number
  /**
   * How often the journal is looked at without a hint. A side that tells of other processes' writes (`listen` of `kyselySide`)
   * lets it be long.
   *
   * @default 250
   */
  readonly pollMs?: number
  /**
   * How long the mirror rests after a batch that was not full. What is written meanwhile is copied together: a mirror that
   * never rests copies row by row and takes from the users' writes what it needs for that.
   *
   * @default 20
   */
  readonly restMs?: number
  /** How long one copy may take before the server or the adapter ends it. @default 10_000 */
  readonly timeoutMs?: number
  /** After how many failed copies a row is parked: visible, counted, in the way of the cutover and of nothing else. @default 10 */
  readonly maxAttempts?: number
  /** The pause before a failed row is copied again; doubles with each failure. @default 200 */
  readonly firstRetryMs?: number
  /** @default 60_000 */
  readonly longestRetryMs?: number
  /** The pause after the secondary did not answer; doubles with each look that finds it silent. @default 500 */
  readonly firstPauseMs?: number
  /** @default 15_000 */
  readonly longestPauseMs?: number
  /**
   * How long a copy may take in which calls are rehearsed (`mirror: 'call'`). One that takes longer is made again without,
   * and the operation that was under way is left alone for a minute.
   *
   * @default 1_000
   */
  readonly rehearsalMs?: number
  /** How often the journal is measured for the `journal` event. @default 5_000 */
  readonly statsMs?: number
  /**
   * While the secondary does not answer, a journal with more rows than this is compacted: of the rows of one key, one
   * stays. Looked at every `statsMs`.
   *
   * @default 10_000
   */
  readonly compactAbove?: number
  readonly random?: () => number
}

/** The worker that empties the journal of this migration's primary, one per process. Several processes share the work. */
export interface Mirror {
  /** Begins to copy, and goes on until `stop`. Whichever side is secondary is copied to. */
  start(): void
  /**
   * Copies until nothing is due any more, or the budget is spent. Rows that failed and wait for their next attempt, and parked
   * rows, stay. Answers with what is left.
   *
   * @throws when the journal cannot be read
   */
  drain(options?: { readonly budgetMs?: number; readonly signal?: AbortSignal }): Promise<JournalStats>
  /** Drains within the budget, then ends. What is left stays in the journal. */
  stop(options?: { readonly budgetMs?: number }): Promise<void>
}

const STOP_BUDGET_MS = 5_000

/**
 * Brings dirty keys from the primary to the secondary: never on a user's path, never in the way of one.
 *
 * The mirror has its own idea of when to stop; no request's signal reaches it.
 */
export function createMirror(migration: Migration, options: MirrorOptions = {}): Mirror {
  const pollMs = numberOption('pollMs', options.pollMs, 250, { min: 1 })
  const restMs = numberOption('restMs', options.restMs, 20, { min: 0 })
  const statsMs = numberOption('statsMs', options.statsMs, 5_000, { min: 1 })
  const random = options.random ?? Math.random
  const timeoutMs = numberOption('timeoutMs', options.timeoutMs, 10_000, { min: 1 })
  const batchSize = numberOption('batchSize', options.batchSize, 1_000, { min: 1, integer: true })
  const pace = createPace(batchSize)
  const copyBatch = createCopier(migration, {
    timeoutMs,
    maxAttempts: numberOption('maxAttempts', options.maxAttempts, 10, { min: 1, integer: true }),
    firstRetryMs: numberOption('firstRetryMs', options.firstRetryMs, 200, { min: 1 }),
    longestRetryMs: numberOption('longestRetryMs', options.longestRetryMs, 60_000, { min: 1 }),
    rehearsalMs: numberOption('rehearsalMs', options.rehearsalMs, 1_000, { min: 1 }),
    random,
  })
  callsOf(migration).open()
  const breaker = createBreaker({
    firstPauseMs: numberOption('firstPauseMs', options.firstPauseMs, 500, { min: 1 }),
    longestPauseMs: numberOption('longestPauseMs', options.longestPauseMs, 15_000, { min: 1 }),
    now: migration.now,
    random,
  })

  const compact = createCompactor({
    above: numberOption('compactAbove', options.compactAbove, 10_000, { min: 0, integer: true }),
    timeoutMs,
  })

  let wake = (): void => {}
  const waker = createWaker(migration, { pollMs, wake: () => wake() })
  let running:
    | { readonly stop: AbortController; readonly ended: Promise<unknown>; readonly unsubscribe: () => void }
    | undefined

  /** One batch, its outcome told to the breaker. A failure of the primary is an outage like any other: everything stays dirty. */
  async function step(): Promise<Outcome> {
    let outcome: Outcome
    try {
      outcome = await copyBatch(pace.rows)
    } catch {
      outcome = 'unavailable'
    }
    if (outcome === 'unavailable') {
      breaker.trip()
      pace.slow()
    } else if (outcome === 'copied' || outcome === 'caught-up') {
      breaker.reset()
      pace.quicken()
    }
    if (outcome === 'stale') await migration.refresh().catch(() => {})
    return outcome
  }

  async function work(signal: AbortSignal): Promise<void> {
    let reaped = Number.NEGATIVE_INFINITY
    while (!signal.aborted) {
      const woken = new Promise<void>((resolve) => {
        wake = resolve
      })
      if (migration.now() - reaped >= pollMs) {
        reaped = migration.now()
        await reapCalls(migration, timeoutMs).catch(() => {})
      }
      const working = breaker.allows && migration.snapshot.plan.mirrorsTo !== null
      const outcome = working ? await step() : 'idle'
      // Nothing is told to whoever is at work, or cannot work.
      if (!working || outcome !== 'idle') await waker.disarm()
      if (outcome === 'copied') continue
      if (outcome === 'caught-up') {
        if (restMs > 0) await migration.sleep(restMs, signal).catch(() => {})
        continue
      }
      // What was marked before it told nobody.
      if (working && outcome === 'idle' && (await waker.arm()) === 'look') continue
      if (signal.aborted) return
      await Promise.race([woken, migration.sleep(waker.patienceMs, signal).catch(() => {})])
    }
  }

  // Beside the copying, not in its pauses: the figures are needed most while there are none, or a copy hangs.
  async function watchJournal(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await measure()
      await migration.sleep(statsMs, signal).catch(() => {})
    }
  }

  async function measureJournal(side: SideName): Promise<JournalStats> {
    const stats = await within(timeoutMs, `the journal of ${side}`, () => migration.sides[side].journal.stats())
    migration.events.emit({ type: 'journal', side, ...stats })
    return stats
  }

  let lastMeasured: SideName | undefined

  async function measure(): Promise<void> {
    const { plan } = migration.snapshot
    const side = plan.primary
    const { journal } = migration.sides[side]
    try {
      const stats = await measureJournal(side)
      if (!breaker.allows) await compact(journal, stats)
      // Only then legacy is frozen.
      if (!plan.captures && side === 'target') {
        const writes = await within(timeoutMs, 'the freeze of legacy', () => migration.sides.legacy.freeze.denied())
        if (writes !== null) migration.events.emit({ type: 'denied-writes', writes })
      }
      // A figure stands until there is another: after a switch the last one of the former primary would stand for ever.
      if (lastMeasured !== undefined && lastMeasured !== side) await measureJournal(lastMeasured)
      lastMeasured = side
    } catch {
      // A figure that cannot be had, or a journal that stays long, is no reason to stop copying.
    }
  }

  async function drain({
    budgetMs = Number.POSITIVE_INFINITY,
    signal,
  }: {
    budgetMs?: number
    signal?: AbortSignal
  } = {}): Promise<JournalStats> {
    const deadline = migration.now() + budgetMs
    // A journal that cannot be read is met below; a gap that cannot be recorded keeps its call dirty, and copies nothing less.
    await reapCalls(migration, timeoutMs).catch(() => {})
    let stale = 0
    while (migration.now() < deadline && !signal?.aborted) {
      const outcome = await copyBatch(batchSize)
      if (outcome === 'idle' || outcome === 'unavailable') break
      if (outcome === 'copied' || outcome === 'caught-up') {
        stale = 0
        continue
      }
      // Once more with the phase as it is now; a phase without a mirror has nothing to drain.
      await migration.refresh()
      if (migration.snapshot.plan.mirrorsTo === null || ++stale > 2) break
    }
    const { mirrorsTo, primary } = migration.snapshot.plan
    return migration.sides[mirrorsTo === null ? primary : otherSide(mirrorsTo)].journal.stats()
  }

  const mirror: Mirror = {
    start() {
      if (running !== undefined) return
      callsOf(migration).open()
      const stop = new AbortController()
      const reasons = [migration.events.on('dirty', () => wake()), migration.events.on('phase', () => wake())]
      const unsubscribe = (): void => {
        for (const end of reasons) end()
      }
      running = {
        stop,
        unsubscribe,
        ended: migration.detached(() => Promise.all([work(stop.signal), watchJournal(stop.signal)])),
      }
      migration.onStop(() => mirror.stop())
    },

    drain,

    async stop({ budgetMs = STOP_BUDGET_MS } = {}) {
      if (running === undefined) return
      const { stop, ended, unsubscribe } = running
      running = undefined
      // Nobody waits for a rehearsal, least of all whoever shuts down.
      callsOf(migration).close()
      unsubscribe()
      stop.abort()
      wake()
      const deadline = migration.now() + budgetMs
      // A copy that hangs is left to the server, which ends its transaction; whoever shuts down does not wait for it.
      await within(budgetMs, 'the mirror', () => ended).catch(() => {})
      await within(budgetMs, 'the mirror', () => waker.stop()).catch(() => {})
      const left = deadline - migration.now()
      if (left > 0) await within(left, 'the mirror', () => drain({ budgetMs: left })).catch(() => {})
    },
  }
  return mirror
}
