import type { BoundSide, MarkHints } from '@twinspan/core'
import type { Scope } from './dialect.ts'
import { fallAsleep, getUp, wakeTopic } from './dialects/postgres-wake.ts'
import type { Hints } from './state/follow.ts'

/** Tells of marks over the connection that listens: PostgreSQL. */
export function createJournalHints(hints: Hints, scope: Scope): NonNullable<BoundSide['hints']> {
  return (wake): MarkHints => {
    let armed = false
    const rest = (): void => {
      armed = false
      wake()
    }
    async function disarm(): Promise<void> {
      if (!armed) return
      armed = false
      await hints.ask(getUp(scope))
    }
    const end = hints.follow(
      wakeTopic(scope),
      () => {
        // Whoever writes from now on need not pay for being heard. The next question waits for the answer to this one.
        void disarm()
        rest()
      },
      // The lock went with the connection.
      rest,
    )
    return {
      async arm() {
        if (armed) return true
        const [row] = (await hints.ask(fallAsleep(scope))) ?? []
        armed = row?.['asleep'] === true
        return armed
      },
      disarm,
      async stop() {
        await disarm()
        await end()
      },
    }
  }
}
