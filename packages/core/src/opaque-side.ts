import type { SideFinding } from './doctor.ts'
import { InvalidOptionError, OpaqueSideError } from './errors.ts'
import type { BoundSide, Capture, Freeze, OpaqueGuard, Side } from './side.ts'

export interface OpaqueSideOptions {
  /**
   * The database that keeps what Twinspan has to remember of this side: journal, fence, stripes, calls in flight, and the
   * state store where this side is the target. It may hold tables of the other side, or another opaque side's journal.
   *
   * An engine with one connection or one writer (SQLite, PGlite) should have nothing else to do: it is held for as long
   * as a copy waits for the store's answer.
   */
  readonly journal: Side
  /**
   * What becomes of a copy that arrives late, behind a newer one. `'version'`: the stores of this side keep, for each key, the
   * highest `StoreOptions.version` that they were given, removed keys included, and refuse a lower one. `'none'`: they cannot;
   * the cutover then wants a full sweep after every copy whose outcome nobody knows.
   */
  readonly guard: OpaqueGuard
}

/**
 * A side whose data is in no database of ours: behind an HTTP API, or in a store that hides its connection. Its entities are
 * `{ load, scan, save, remove }` of your own, its writes are captured by `intent`.
 */
export function opaqueSide({ journal, guard }: OpaqueSideOptions): Side {
  if (typeof journal?.bind !== 'function' || journal.opaque !== undefined) {
    throw new InvalidOptionError('journal', journal, 'the side of a database: kyselySide(db)', 'opaqueSide')
  }
  if (guard !== 'version' && guard !== 'none') {
    throw new InvalidOptionError('guard', guard, "'version' or 'none'", 'opaqueSide')
  }
  const { store } = journal
  return {
    engine: `opaque (${journal.engine})`,
    opaque: { guard },
    ...(store === undefined ? {} : { store }),
    bind: (scope) => conceal(journal.bind(scope), guard),
  }
}

/** The journal's side without what only a database that holds the data can do. */
function conceal(bound: BoundSide, guard: OpaqueGuard): BoundSide {
  const { name, intents, hints } = bound
  return {
    name,
    engine: `opaque (${bound.engine})`,
    opaque: { guard },
    journal: bound.journal,
    fence: bound.fence,
    ...(intents === undefined ? {} : { intents }),
    ...(hints === undefined ? {} : { hints: (wake: () => void) => hints(wake) }),
    capture: noTriggers(name),
    freeze: noFreeze(name),
    prepare: () => bound.prepare(),
    isStalePhase: (error) => bound.isStalePhase(error),

    async copy(request, work) {
      // What the store still does when the copy is over, for whatever reason, is late: it is told, and its version tells it.
      const over = new AbortController()
      try {
        return await bound.copy({ ...request, versioned: true }, ({ stripes, version }) =>
          work({ transaction: undefined, stripes, signal: over.signal, ...(version === undefined ? {} : { version }) }),
        )
      } finally {
        over.abort()
      }
    },

    async captureWrite() {
      throw new OpaqueSideError(
        name,
        'has no transactions, so a write cannot be captured in one',
        "Use capture: 'intent'",
      )
    },

    async examine(examination) {
      const found = (await bound.examine?.({ ...examination, entities: [] })) ?? []
      return [...found, ...(guard === 'none' ? [UNGUARDED] : []), ...(name === 'legacy' ? [NOT_FROZEN] : [])]
    },
  }
}

const UNGUARDED: SideFinding = {
  name: 'unguarded',
  severity: 'warn',
  detail:
    "its stores do not refuse a copy that arrives late (guard: 'none'), which can undo a newer one; the cutover waits for a clean full sweep after every copy whose outcome is unknown",
}

const NOT_FROZEN: SideFinding = {
  name: 'not-frozen',
  severity: 'warn',
  detail:
    'nothing of ours can refuse writes to an opaque store: make it read-only yourself, or take its credentials away, when the migration is complete',
}

function noTriggers(side: BoundSide['name']): Capture {
  return {
    async install() {
      throw new OpaqueSideError(side, 'has no triggers', "Use capture: 'intent'")
    },
    verify: async () => [],
    uninstall: async () => {},
  }
}

function noFreeze(side: BoundSide['name']): Freeze {
  return {
    async install() {
      throw new OpaqueSideError(
        side,
        'cannot be made to refuse writes from here',
        'Make its store read-only, or take its credentials away',
      )
    },
    uninstall: async () => {},
    denied: async () => null,
  }
}
