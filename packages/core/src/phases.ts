/** One of the two stores. Which of them is the truth is the phase's business. */
export type SideName = 'legacy' | 'target'

/** The side across from `side`. */
export function otherSide(side: SideName): SideName {
  return side === 'legacy' ? 'target' : 'legacy'
}

/** The road of a migration, in order. Only neighbours may be alive at the same time. */
export const PHASES = ['off', 'capture', 'dual-write', 'shadow', 'canary', 'target-primary', 'complete'] as const

export type Phase = (typeof PHASES)[number]

/** What one phase asks of every part of the library. */
export interface Plan {
  /** The side that takes the writes, whose answer the caller gets and whose failure the caller sees. */
  readonly primary: SideName
  /** Whether a write leaves its key in the primary's journal. */
  readonly captures: boolean
  /** The side that the mirror keeps in step, if there is a mirror. */
  readonly mirrorsTo: SideName | null
  /** Who answers reads: the primary, or whom the router names. */
  readonly reads: 'primary' | 'router'
  /** Whether a sample of the reads is repeated on the other side and compared. */
  readonly compares: boolean
  /** Whether legacy refuses every write. */
  readonly frozen: boolean
}

/** What each phase does. An eighth phase is an eighth row. */
export const PLANS: Readonly<Record<Phase, Plan>> = {
  off: {
    primary: 'legacy',
    captures: false,
    mirrorsTo: null,
    reads: 'primary',
    compares: false,
    frozen: false,
  },
  capture: {
    primary: 'legacy',
    captures: true,
    mirrorsTo: null,
    reads: 'primary',
    compares: false,
    frozen: false,
  },
  'dual-write': {
    primary: 'legacy',
    captures: true,
    mirrorsTo: 'target',
    reads: 'primary',
    compares: false,
    frozen: false,
  },
  shadow: {
    primary: 'legacy',
    captures: true,
    mirrorsTo: 'target',
    reads: 'primary',
    compares: true,
    frozen: false,
  },
  canary: {
    primary: 'legacy',
    captures: true,
    mirrorsTo: 'target',
    reads: 'router',
    compares: true,
    frozen: false,
  },
  'target-primary': {
    primary: 'target',
    captures: true,
    mirrorsTo: 'legacy',
    reads: 'primary',
    compares: true,
    frozen: false,
  },
  complete: {
    primary: 'target',
    captures: false,
    mirrorsTo: null,
    reads: 'primary',
    compares: false,
    frozen: true,
  },
}

export function isPhase(value: unknown): value is Phase {
  return PHASES.some((phase) => phase === value)
}

/** How many steps `to` lies ahead of `from`; negative when it lies behind. */
export function stepsBetween(from: Phase, to: Phase): number {
  return PHASES.indexOf(to) - PHASES.indexOf(from)
}
