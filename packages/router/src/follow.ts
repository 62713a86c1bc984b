import { type Document, type Migration, ROLLOUT_DOCUMENT, UnavailableError, within } from '@twinspan/core'
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
  /** Begins to read again and again. */
  start(): void
  stop(): Promise<void>
}

export function createFollower(migration: Migration, options: FollowOptions): Follower {
  const { refreshMs, leaseMs, timeoutMs, random } = options
  let view = viewOf(undefined, options)
  let readAt: number | undefined
  let begun = 0
  let applied = 0
  const inFlight = new Map<number, number>()
  let wasStale = false
  let watch: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined

  function apply(order: number, at: number, document: Document | undefined): void {
    // A slow read may end after a later one, or after a write of our own, and know less.
    if (order <= applied) return
    applied = order
    const isFirst = readAt === undefined
    readAt = at
    if (isFirst || (document?.version ?? 0) !== view.epoch) {
      view = viewOf(document, options)
      const percent = view.rollout?.percent ?? '0'
      migration.events.emit({
        type: 'rollout',
        percent,
        epoch: view.epoch,
        killed: (view.rollout?.killed ?? null) !== null,
      })
    }
    tellStale()
  }

  async function look(): Promise<Document | undefined> {
    const at = migration.now()
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
    apply(order, at, document)
    return document
  }

  function isStale(): boolean {
    // A clock that jumped back by more than a lease says nothing about the age of what is known.
    return readAt === undefined || Math.abs(migration.now() - readAt) > leaseMs
  }

  function tellStale(): void {
    if (readAt === undefined || isStale() === wasStale) return
    wasStale = !wasStale
    migration.events.emit({ type: 'rollout-stale', stale: wasStale })
  }

  async function watching(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await look().catch(tellStale)
      await migration.sleep(refreshMs * (0.8 + 0.4 * random()), signal).catch(() => {})
    }
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
      apply(++begun, migration.now(), document)
    },
    start() {
      if (watch !== undefined) return
      const stop = new AbortController()
      watch = { stop, ended: watching(stop.signal) }
    },
    async stop() {
      const ending = watch
      watch = undefined
      ending?.stop.abort()
      await ending?.ended
    },
  }
}
