import { type Document, type Migration, parseRollout, ROLLOUT_DOCUMENT, UnavailableError, within } from '@twinspan/core'
import type { LastKnown } from './last-known.ts'
import { type View, type ViewOptions, viewOf } from './view.ts'

/** Reads in flight on a store that has stopped answering. More would only fill its pool. */
const MAX_IN_FLIGHT = 3
/** A read that has not ended by then never will: its connection is gone without a word. */
const LOST_MS = 30_000

export interface FollowOptions extends ViewOptions {
  readonly refreshMs: number
  readonly leaseMs: number
  readonly timeoutMs: number
  readonly random: () => number
  readonly lastKnown?: LastKnown | undefined
}

/** This process's knowledge of the rollout: as new as the last read, and how old that is. */
export interface Follower {
  readonly view: View
  /** When the read began that `view` comes from; `undefined` before the first. */
  readonly readAt: number | undefined
  /** Whether what is known is too old to send anybody to target. */
  isStale(): boolean
  /** Reads the document now. */
  look(): Promise<Document | undefined>
  /** Takes what this process just wrote itself. */
  learn(document: Document): void
  /** Forgets a kill that the store has lost: somebody re-armed it. */
  forgive(): void
  /** Begins to read again and again, and at every hint of the store. */
  start(each: () => void): void
  stop(): Promise<void>
}

export function createFollower(migration: Migration, options: FollowOptions): Follower {
  const { refreshMs, leaseMs, timeoutMs, random, lastKnown } = options
  const found = lastKnown?.read()
  let remembered = isKilled(found) ? found : undefined
  let view = viewOf(undefined, options, remembered)
  let readAt: number | undefined
  let freshUntil = Number.NEGATIVE_INFINITY
  let begun = 0
  let applied = 0
  const inFlight = new Map<number, number>()
  let wasStale = false
  let watch: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined
  let rereading: Promise<void> | undefined
  let isHinted = false

  function apply(order: number, at: number, ageMs: number, document: Document | undefined): void {
    // A slow read may end after a later one, or after a write of our own, and know less.
    if (order <= applied) return
    applied = order
    const isFirst = readAt === undefined
    readAt = at
    freshUntil = performance.now() - ageMs + leaseMs
    if (isFirst || (document?.version ?? 0) !== view.epoch) take(document)
    tellStale()
  }

  function take(document: Document | undefined): void {
    view = viewOf(document, options, remembered)
    const isLost = view.killed !== null && !isKilled(document)
    if (!isLost) {
      remembered = isKilled(document) ? document : undefined
      if (document !== undefined) void lastKnown?.write(document)
    }
    const percent = view.rollout?.percent ?? '0'
    migration.events.emit({ type: 'rollout', percent, epoch: view.epoch, killed: view.killed !== null })
  }

  async function look(): Promise<Document | undefined> {
    const at = migration.now()
    const began = performance.now()
    for (const [read, since] of inFlight) if (at - since > LOST_MS) inFlight.delete(read)
    if (inFlight.size >= MAX_IN_FLIGHT) {
      throw new UnavailableError(`The state store of "${migration.name}" does not answer.`)
    }
    const order = ++begun
    inFlight.set(order, at)
    const document = await within(timeoutMs, 'Reading the rollout', async () => {
      try {
        return await migration.store.getDocument(ROLLOUT_DOCUMENT)
      } finally {
        inFlight.delete(order)
      }
    })
    apply(order, at, performance.now() - began, document)
    return document
  }

  function isStale(): boolean {
    // By a clock that does not jump, and called by its name: in a variable it would leave a number on the heap at every read.
    return performance.now() > freshUntil
  }

  function tellStale(): void {
    if (readAt === undefined || isStale() === wasStale) return
    wasStale = !wasStale
    migration.events.emit({ type: 'rollout-stale', stale: wasStale })
  }

  /** A read that is under way may have begun before what the hint speaks of, so another one follows it. */
  function hinted(): void {
    isHinted = true
    rereading ??= reread().finally(() => {
      rereading = undefined
    })
  }

  async function reread(): Promise<void> {
    while (isHinted && watch !== undefined) {
      isHinted = false
      await look().catch(tellStale)
    }
  }

  async function watching(signal: AbortSignal, each: () => void): Promise<void> {
    const end = migration.store.follow?.(ROLLOUT_DOCUMENT, hinted)
    while (!signal.aborted) {
      await look().catch(tellStale)
      if (readAt !== undefined) migration.events.emit({ type: 'rollout-age', ageMs: migration.now() - readAt })
      each()
      await migration.sleep(refreshMs * (0.8 + 0.4 * random()), signal).catch(() => {})
    }
    await end?.()
    await rereading
  }

  return {
    get view() {
      return view
    },
    get readAt() {
      return readAt
    },
    isStale,
    look,
    learn(document) {
      apply(++begun, migration.now(), 0, document)
    },
    forgive() {
      remembered = undefined
    },
    start(each) {
      if (watch !== undefined) return
      const stop = new AbortController()
      watch = { stop, ended: watching(stop.signal, each) }
    },
    async stop() {
      const ending = watch
      watch = undefined
      ending?.stop.abort()
      await ending?.ended
    },
  }
}

function isKilled(document: Document | undefined): boolean {
  return (parseRollout(document?.value)?.killed ?? null) !== null
}
