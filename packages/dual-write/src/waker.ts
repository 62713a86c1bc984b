import type { MarkHints, Migration, SideName } from '@twinspan/core'

/** How long the mirror sleeps when the primary's database would not tell it of a mark. */
const UNTOLD_MS = 250

export interface WakerOptions {
  readonly pollMs: number
  readonly wake: () => void
}

/** Has the primary's database tell of marks while the mirror sleeps, where it can. */
export interface Waker {
  /** `'look'`: from now on a mark wakes, and the journal has to be looked at once more before anybody sleeps. */
  arm(): Promise<'look' | 'sleep'>
  disarm(): Promise<void>
  /** How long to sleep as things are. */
  readonly patienceMs: number
  stop(): Promise<void>
}

export function createWaker(migration: Migration, { pollMs, wake }: WakerOptions): Waker {
  let following: { readonly side: SideName; readonly hints: MarkHints } | undefined
  let told = true
  let looked = false

  const endings = new Set<Promise<void>>()

  /** Lets go of the connection. It may be that of a side that does not answer: only whoever stops waits for it. */
  function unfollow(): void {
    const ending = following?.hints.stop().catch(() => {})
    following = undefined
    if (ending === undefined) return
    endings.add(ending)
    void ending.then(() => endings.delete(ending))
  }

  function woken(): void {
    looked = false
    wake()
  }

  return {
    async arm() {
      const side = migration.snapshot.plan.primary
      if (following?.side !== side) {
        unfollow()
        const hints = migration.sides[side].hints?.(woken)
        looked = false
        told = hints === undefined
        if (hints !== undefined) following = { side, hints }
      }
      if (following === undefined) return 'sleep'
      told = await following.hints.arm()
      const look = told && !looked
      looked = told
      return look ? 'look' : 'sleep'
    },

    async disarm() {
      looked = false
      await following?.hints.disarm()
    },

    get patienceMs() {
      return told ? pollMs : Math.min(pollMs, UNTOLD_MS)
    },

    async stop() {
      unfollow()
      await Promise.all(endings)
    },
  }
}
