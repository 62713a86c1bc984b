import type { SideName } from '@twinspan/core'

/** What somebody met who called the service. Times are of the machine's monotonic clock, in milliseconds. */
export interface Mishap {
  /** The place of the process in the fleet. */
  readonly slot: number
  readonly from: number
  readonly to: number
  readonly what: string
}

/** What was done to whom, so that afterwards every error of a user has a cause, or has none. */
export interface Blame {
  /**
   * A fault begins, on a side as the processes of these slots see it, or these processes stand still. Returns what ends it.
   */
  begin(what: SideName | 'process', slots: readonly number[]): () => void
  /** The primary as the databases themselves say. */
  primaryIs(side: SideName): void
  /** Whether a user of the bare primary could have met it too: whoever was primary then was being hurt. */
  isDue(mishap: Mishap): boolean
  /** Whether a call may have taken long for that, or for somebody who stood still with a lock in his hand. */
  isSlowed(mishap: Mishap): boolean
}

interface Hurt {
  readonly what: SideName | 'process'
  readonly slots: readonly number[]
  readonly from: number
  to: number
}

/** What a fault leaves behind after its end: connections that are found to be dead only when they are used. */
const AFTERMATH_MS = 3_000

/** Longer than any process stands still. */
const STANDSTILL_MS = 20_000

/** How long a process may take to hear of another primary: two looks, of which one waits for a side that hangs. */
const HEARSAY_MS = 5_000

export function createBlame(now: () => number = monotonicMs): Blame {
  const hurts: Hurt[] = []
  const primaries: { readonly side: SideName; readonly from: number }[] = []

  /** Who was primary at some time in this stretch. */
  function primariesIn(from: number, to: number): ReadonlySet<SideName> {
    const last = primaries.findLastIndex((primary) => primary.from <= from)
    return new Set(
      primaries
        .filter((primary, at) => at === last || (primary.from > from && primary.from <= to))
        .map(({ side }) => side),
    )
  }

  const overlaps = (hurt: Hurt, { from, to }: Mishap, aftermathMs: number): boolean =>
    hurt.from <= to && hurt.to + aftermathMs >= from

  function isDue(mishap: Mishap): boolean {
    const sides: ReadonlySet<string> = primariesIn(mishap.from - HEARSAY_MS, mishap.to + 1_000)
    return hurts.some(
      (hurt) =>
        sides.has(hurt.what) &&
        hurt.slots.includes(mishap.slot) &&
        overlaps(hurt, mishap, STANDSTILL_MS) &&
        overlaps({ ...hurt, to: felt(hurt, mishap.slot) }, mishap, AFTERMATH_MS),
    )
  }

  /** When a process can have felt a fault at last: one that stands still hears of it when it goes on. */
  function felt(hurt: Hurt, slot: number): number {
    const still = hurts.filter(
      ({ what, slots, from, to }) =>
        what === 'process' && slots.includes(slot) && from <= hurt.to + AFTERMATH_MS && to > hurt.from,
    )
    return Math.max(hurt.to, ...still.map(({ to }) => to))
  }

  return {
    begin(what, slots) {
      const hurt: Hurt = { what, slots, from: now(), to: Number.POSITIVE_INFINITY }
      hurts.push(hurt)
      return () => {
        hurt.to = Math.min(hurt.to, now())
      }
    },
    primaryIs(side) {
      if (primaries.at(-1)?.side !== side) primaries.push({ side, from: now() })
    },
    isDue,
    isSlowed: (mishap) => isDue(mishap) || hurts.some((hurt) => hurt.what === 'process' && overlaps(hurt, mishap, 0)),
  }
}

function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000
}
