import { type EndedCall, type Intent, type Intents, type Migration, type SideName, within } from '@twinspan/core'

/** How many ended calls one transaction takes along. */
const AT_ONCE = 500

/** Ended calls that wait for the journal. Those beyond it are left to their hold, which runs out. */
const MOST_WAITING = 10_000

const END_MS = 5_000
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5_000
const STOP_BUDGET_MS = 5_000

/** The calls that this process has in flight on a primary that is captured by intent: one for each migration. */
export interface InFlight {
  /**
   * Records the call before it is made, and holds it from then on.
   *
   * @throws what the journal threw: nobody knows then whether the call is on record, and it must not be made.
   */
  begin(side: SideName, intent: Intent): Promise<void>
  /** Ends the call in the background, again and again until the journal has taken it. Resolves then, and never rejects. */
  end(side: SideName, call: EndedCall): Promise<void>
}

interface Ending {
  readonly side: SideName
  readonly call: EndedCall
  readonly done: () => void
}

const known = new WeakMap<Migration, InFlight>()

export function inFlightOf(migration: Migration): InFlight {
  const inFlight = known.get(migration) ?? createInFlight(migration)
  known.set(migration, inFlight)
  return inFlight
}

function createInFlight(migration: Migration): InFlight {
  const { holdMs } = migration.intents
  const held: Readonly<Record<SideName, Set<string>>> = { legacy: new Set(), target: new Set() }
  let waiting: Ending[] = []
  let stop: AbortController | undefined
  let beating = false
  let flushing = false
  let idle: (() => void)[] = []

  const intentsOf = (side: SideName): Intents => migration.sides[side].intents as Intents
  const isIdle = (): boolean => held.legacy.size + held.target.size === 0 && waiting.length === 0 && !flushing
  const settle = (): void => {
    if (isIdle()) for (const tell of idle.splice(0)) tell()
  }

  /** The migration may be stopped and started again. */
  function running(): AbortController {
    if (stop !== undefined) return stop
    const started = new AbortController()
    stop = started
    migration.onStop(async () => {
      await within(STOP_BUDGET_MS, 'calls in flight', () =>
        isIdle() ? Promise.resolve() : new Promise<void>((resolve) => idle.push(resolve)),
      ).catch(() => {})
      stop = undefined
      idle = []
      started.abort()
    })
    return started
  }

  /** Signs of life, for as long as anything is in flight. */
  async function beat({ signal }: AbortController): Promise<void> {
    beating = true
    while (held.legacy.size + held.target.size > 0 && !signal.aborted) {
      await migration.sleep(holdMs / 3, signal).catch(() => {})
      for (const side of ['legacy', 'target'] as const) {
        if (held[side].size === 0 || signal.aborted) continue
        // One that is lost is made good by the next; where none arrives the calls are seen to as those of the dead.
        await within(holdMs / 3, 'The hold on calls', () => intentsOf(side).extend([...held[side]], { holdMs })).catch(
          () => {},
        )
      }
    }
    beating = false
  }

  async function flush({ signal }: AbortController): Promise<void> {
    flushing = true
    for (let pauseMs = FIRST_PAUSE_MS; waiting.length > 0; ) {
      const side = waiting[0]?.side as SideName
      const some = waiting.filter((ending) => ending.side === side).slice(0, AT_ONCE)
      try {
        const calls = some.map(({ call }) => call)
        await within(END_MS, 'The end of calls', () => intentsOf(side).end(calls))
        pauseMs = FIRST_PAUSE_MS
      } catch {
        if (signal.aborted) break
        await migration.sleep(pauseMs, signal).catch(() => {})
        pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
        continue
      }
      waiting = waiting.filter((ending) => !some.includes(ending))
      for (const { call, done } of some) {
        held[side].delete(call.call)
        if (call.keys.length > 0) migration.events.emit({ type: 'dirty', entity: call.entity, keys: call.keys })
        done()
      }
    }
    flushing = false
    settle()
  }

  function end(side: SideName, call: EndedCall): Promise<void> {
    return new Promise((done) => {
      if (waiting.length >= MOST_WAITING) {
        held[side].delete(call.call)
        return
      }
      waiting.push({ side, call, done })
      const control = running()
      if (!flushing) void migration.detached(() => flush(control))
    })
  }

  return {
    async begin(side, intent) {
      const control = running()
      held[side].add(intent.call)
      if (!beating) void migration.detached(() => beat(control))
      try {
        await within(holdMs / 2, 'The record of a call', () => intentsOf(side).begin(intent, { holdMs }))
      } catch (error) {
        held[side].delete(intent.call)
        // It may be on record all the same. What arrives later still is nobody's, and is seen to when its hold is over.
        if (!migration.sides[side].isStalePhase(error)) void end(side, { ...intent, keys: [] })
        else settle()
        throw error
      }
    },
    end,
  }
}
