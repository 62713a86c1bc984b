import { setTimeout as wait } from 'node:timers/promises'
import type { Members } from './members.ts'

export interface Load {
  /** Writes that failed. None should. */
  readonly failed: () => number
  stop(): Promise<void>
}

/** Users who read, and now and then write, until they are stopped. */
export function startLoad(members: Members, everyMs: number): Load {
  const stop = new AbortController()
  let failed = 0
  async function visit(visitor: number): Promise<void> {
    for (let turn = visitor; !stop.signal.aborted; turn += 7) {
      const id = 1 + (turn % 1_500)
      try {
        await members.find(id)
        if (turn % 3 === 0) await members.rename(id, `renamed${turn}@example.org`)
        if (turn % 11 === 0) await members.join(`new${turn}@example.org`)
      } catch {
        failed += 1
      }
      await wait(everyMs, undefined, { signal: stop.signal }).catch(() => {})
    }
  }
  const visits = [1, 2, 3, 4].map(visit)
  return {
    failed: () => failed,
    async stop() {
      stop.abort()
      await Promise.all(visits)
    },
  }
}
