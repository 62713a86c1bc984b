import { definitionIn, newIncarnation } from './definition.ts'
import { FenceTimeoutError, MigrationConflictError, TwinspanError } from './errors.ts'
import { otherSide, type Phase, PLANS, type SideName } from './phases.ts'
import type { BoundSide, Fence, FenceRow } from './side.ts'
import type { MigrationStore } from './state-store.ts'
import { within } from './time.ts'

/** What both fence rows said when they were read together. */
export interface Sighting {
  /** The row of the highest epoch: what is decided. */
  readonly row: FenceRow
  /** Which side's row that is. */
  readonly side: SideName
  /**
   * Whether the side was heard on whose row the next decision is taken. Without it `row` may be outdated.
   */
  readonly authoritative: boolean
  readonly heard: Readonly<Record<SideName, boolean>>
}

export interface RoadOptions {
  readonly name: string
  readonly definition: string
  readonly sides: Readonly<Record<SideName, BoundSide>>
  readonly store: MigrationStore
  readonly timeoutMs: number
  sleep(ms: number): Promise<void>
  /** Checks and prepares a side or the store. Called before anything else is asked of it, until it succeeds once. */
  ready(what: SideName | 'store'): Promise<void>
  /** Hears of every look at a side or the store: whether it answered. */
  reachable(what: SideName | 'store', error?: unknown): void
}

interface Found {
  readonly row: FenceRow | undefined
  readonly now: number
}

/**
 * The two fence rows and the state store, kept at one epoch. A decision is one compare-and-set on the current primary's
 * row; what lags behind it is made to follow by whoever looks next.
 */
export interface Road {
  /**
   * Reads both fence rows, makes what lags follow, and undoes a switch whose driver is overdue. `store: false` leaves the store
   * out: for a look that a user's write waits for.
   */
  look(options?: { readonly store?: boolean }): Promise<Sighting | undefined>
  /** Creates the fence rows of a migration that has none yet. */
  open(): Promise<Sighting | undefined>
}

/** How long the driver of a change has to make the other side follow before anybody else does. */
const DRIVER_MS = 60
const GLANCE_MS = 5

/** Phases in which nothing of ours has been written to the target, so that a target without a fence row may join. */
const BEFORE_MIRRORING: readonly Phase[] = ['off', 'capture']

export function createRoad(options: RoadOptions): Road {
  const { name, sides, store, timeoutMs } = options

  // Shorter than the look itself, so that the answer says what it waited for.
  const lockTimeoutMs = timeoutMs / 2
  const ready = new Set<SideName | 'store'>()

  async function ask<T>(what: SideName | 'store', work: () => Promise<T>): Promise<T | undefined> {
    try {
      const answer = await within(timeoutMs, `${what} of "${name}"`, async () => {
        if (!ready.has(what)) await options.ready(what)
        ready.add(what)
        return work()
      })
      options.reachable(what)
      return answer
    } catch (error) {
      if (isRefusal(error)) throw error
      // Writers in flight are no outage: the next look tries again.
      if (!(error instanceof FenceTimeoutError)) options.reachable(what, error)
      return undefined
    }
  }

  function read(side: SideName): Promise<Found | undefined> {
    return ask(side, async () => (await sides[side].fence.read()) ?? { row: undefined, now: 0 })
  }

  async function look({ store: recording = true } = {}): Promise<Sighting | undefined> {
    const [legacy, target] = await Promise.all([read('legacy'), read('target')])
    const found = { legacy, target }
    const decided = decidedOf(found)
    if (decided === undefined) return undefined
    refuseStrangers(found, decided)
    const settled = await settle(decided)
    await follow(settled, found)
    if (recording) await record(settled.row)
    const deciding = PLANS[settled.row.phase].primary
    return {
      row: settled.row,
      side: settled.side,
      authoritative: found[deciding]?.row !== undefined,
      heard: { legacy: legacy !== undefined, target: target !== undefined },
    }
  }

  /** Two rows of one migration belong to one attempt; a row of another attempt is somebody else's. */
  function refuseStrangers(found: Readonly<Record<SideName, Found | undefined>>, decided: Decided): void {
    const other = found[otherSide(decided.side)]
    if (
      other?.row !== undefined &&
      other.row.epoch >= decided.row.epoch &&
      other.row.incarnation !== decided.row.incarnation
    ) {
      throw new MigrationConflictError(
        name,
        'is under way in both databases, but not as one: their fence rows name different attempts',
      )
    }
    if (definitionIn(decided.row.incarnation) !== options.definition && decided.row.phase !== 'off') {
      throw new MigrationConflictError(name, 'is under way with other entities or tables')
    }
    const lost = other !== undefined && other.row === undefined && !BEFORE_MIRRORING.includes(decided.row.phase)
    if (lost) {
      throw new MigrationConflictError(
        name,
        `is in ${decided.row.phase}, but the ${otherSide(decided.side)} database knows nothing of it: it was replaced or restored`,
      )
    }
  }

  /** Reopens a fence that an overdue driver left closed. Losing the compare-and-set means that somebody else settled it. */
  async function settle(decided: Decided): Promise<Decided> {
    const { row, side, now } = decided
    if (row.open || row.pending === null || now <= row.pending.deadline) return decided
    const { revision, ...rest } = row
    const reopened = await ask(side, () =>
      sides[side].fence.change(revision, { ...rest, open: true, pending: null }, { lockTimeoutMs }),
    )
    if (reopened) return { ...decided, row: { ...row, open: true, pending: null, revision: revision + 1 } }
    const again = await read(side)
    return again?.row === undefined ? decided : { ...decided, row: again.row, now: again.now }
  }

  async function follow({ row, side }: Decided, found: Readonly<Record<SideName, Found | undefined>>): Promise<void> {
    const other = otherSide(side)
    const seen = found[other]
    const latest = row.primary === other ? await leftToDriver(seen, other, row.epoch) : seen
    if (latest === undefined || !isBehind(latest, row.epoch)) return
    await ask(other, () => followDecision(sides[other].fence, row, latest.row, { lockTimeoutMs }))
  }

  /**
   * Every change of a fence holds up the writers of its side. Where all processes made a new primary follow, its first
   * writers would wait for each of them: a moment is given to the driver of the switch, who does it at once.
   */
  async function leftToDriver(seen: Found | undefined, side: SideName, epoch: number): Promise<Found | undefined> {
    let found = seen
    for (let waitedMs = 0; waitedMs < DRIVER_MS; waitedMs += GLANCE_MS) {
      if (found?.row === undefined || !isBehind(found, epoch)) break
      await options.sleep(GLANCE_MS)
      found = await read(side)
    }
    return found
  }

  async function record(row: FenceRow): Promise<void> {
    await ask('store', async () => {
      const recorded = await store.readState()
      if (recorded !== undefined && recorded.epoch >= row.epoch) return
      const { incarnation, phase, epoch } = row
      await store.recordState({ incarnation, phase, epoch, definition: options.definition }, row.unrecorded)
    })
  }

  async function open(): Promise<Sighting | undefined> {
    const [first, target] = await Promise.all([read('legacy'), read('target')])
    // Another process may have begun the attempt between the two reads. It wrote legacy's row before the target's.
    const overtaken = first !== undefined && first.row === undefined && target?.row !== undefined
    const legacy = overtaken ? await read('legacy') : first
    if (legacy === undefined && target === undefined) return undefined
    if (legacy !== undefined && legacy.row === undefined && target?.row !== undefined) {
      throw new MigrationConflictError(name, 'is known to the target, but this legacy database knows nothing of it')
    }
    const outdated = legacy?.row !== undefined && definitionIn(legacy.row.incarnation) !== options.definition
    if (legacy !== undefined && (legacy.row === undefined || outdated)) await begin(legacy.row)
    return look()
  }

  /** Begins an attempt: the first one, or one with another definition while the old one is off and nobody works by it. */
  async function begin(row: FenceRow | undefined): Promise<void> {
    if (row !== undefined) {
      const inUse = row.phase !== 'off' || (await store.leases().catch(() => [])).length > 0
      if (inUse) throw new MigrationConflictError(name, 'is under way with other entities or tables')
    }
    await sides.legacy.fence.change(row?.revision ?? 0, {
      incarnation: newIncarnation(options.definition),
      epoch: (row?.epoch ?? 0) + 1,
      phase: 'off',
      primary: 'legacy',
      open: true,
      pending: null,
      unrecorded: [],
    })
  }

  return { look, open }
}

/**
 * Makes the row of one side follow what was decided on the other. A side moves only forward: opening it without comparing
 * epochs could reopen one that was just demoted. What the store has not recorded yet goes with it: the row that is looked at
 * from now on is this one.
 *
 * @returns whether the side is as far as the decision
 */
export async function followDecision(
  fence: Fence,
  { revision: _, ...decided }: FenceRow,
  behind: FenceRow | undefined,
  options: { readonly lockTimeoutMs: number },
): Promise<boolean> {
  if (behind !== undefined && behind.epoch >= decided.epoch) return true
  return fence.change(behind?.revision ?? 0, { ...decided, open: true, pending: null }, options)
}

function isBehind({ row }: Found, epoch: number): boolean {
  return row === undefined || row.epoch < epoch
}

interface Decided {
  readonly row: FenceRow
  readonly side: SideName
  readonly now: number
}

function decidedOf(found: Readonly<Record<SideName, Found | undefined>>): Decided | undefined {
  const rows = (['legacy', 'target'] as const).flatMap((side): Decided[] => {
    const seen = found[side]
    return seen?.row === undefined ? [] : [{ row: seen.row, side, now: seen.now }]
  })
  const [first, second] = rows
  if (first === undefined || second === undefined) return first
  if (first.row.epoch !== second.row.epoch) return first.row.epoch > second.row.epoch ? first : second
  // At one epoch the primary's own row is the newer one: it alone is closed during a switch.
  return PLANS[first.row.phase].primary === first.side ? first : second
}

/** An error that tells of a misconfiguration, as against a side that does not answer. */
export function isRefusal(error: unknown): boolean {
  return (
    error instanceof TwinspanError &&
    !['TWINSPAN_TIMEOUT', 'TWINSPAN_UNAVAILABLE', 'TWINSPAN_FENCE_TIMEOUT'].includes(error.code)
  )
}
