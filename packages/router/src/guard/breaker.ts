/**
 * A process that target fails again and again leaves it alone for a while, and longer each time. Only ever of this process: what
 * ends the canary for everybody is the evidence of all.
 */
export interface Breaker {
  readonly isOpen: boolean
  trip(now: number): void
  /** Whether it has just closed: target gets another chance. */
  closes(now: number): boolean
  /** Closes it at once and forgets how often it was open: somebody else has taken care. */
  reset(): void
}

const LONGEST = 20

export function createBreaker(pauseMs: number): Breaker {
  let openUntil = Number.NEGATIVE_INFINITY
  let isOpen = false
  let lastMs = 0
  return {
    get isOpen() {
      return isOpen
    },
    trip(now) {
      // A target that was well for longer than the last pause is one that starts anew.
      lastMs = now - openUntil <= lastMs ? Math.min(lastMs * 2, pauseMs * LONGEST) : pauseMs
      openUntil = now + lastMs
      isOpen = true
    },
    closes(now) {
      if (!isOpen || now < openUntil) return false
      isOpen = false
      return true
    },
    reset() {
      isOpen = false
      openUntil = Number.NEGATIVE_INFINITY
      lastMs = 0
    },
  }
}
