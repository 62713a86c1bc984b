import type { DoctorFinding } from './doctor.ts'
import type { Phase, SideName } from './phases.ts'
import type { Json } from './state-store.ts'
import type { HeldBack } from './throttle-note.ts'

/**
 * Everything that happens, as plain objects. Listeners see it on `migration.events`; `telemetry.ts` turns it into metrics.
 * Keys appear where processes inside this one need them (`dirty`, `mirrored`); no metric, span or log carries them.
 */
export type TwinspanEvent =
  /** This process saw a new epoch. */
  | { readonly type: 'phase'; readonly phase: Phase; readonly epoch: number; readonly from: Phase }
  /** This process could reach neither fence row for the length of a lease, or can again. */
  | { readonly type: 'stale'; readonly stale: boolean }
  /** A side or the store stopped or began to answer this process. */
  | {
      readonly type: 'reachable'
      readonly what: SideName | 'store'
      readonly reachable: boolean
      readonly error?: string
    }
  /** The databases were examined. */
  | { readonly type: 'doctor'; readonly findings: readonly DoctorFinding[] }
  /** A write through the wrapper ended. `failedOn: 'primary'`: the caller got the primary's error. */
  | {
      readonly type: 'write'
      readonly entity: string
      readonly operation: string
      readonly failedOn: 'none' | 'primary'
    }
  /** A write went through without its mark: a full sweep has to find it. */
  | { readonly type: 'capture-gap'; readonly entity: string; readonly error: string }
  /** A hint to the mirror in this process: these keys were just committed to the journal. */
  | { readonly type: 'dirty'; readonly entity: string; readonly keys: readonly string[] }
  /** The mirror confirmed copies of these keys. */
  | { readonly type: 'mirrored'; readonly entity: string; readonly keys: readonly string[] }
  | {
      readonly type: 'mirror-batch'
      readonly rows: number
      readonly durationMs: number
      readonly outcome: 'ok' | 'failed' | 'stale'
    }
  | { readonly type: 'mirror-inflight'; readonly batches: number }
  /** `class` is the redacted error's class; the row stays in the journal. */
  | { readonly type: 'parked'; readonly entity: string; readonly rows: number; readonly class: string }
  | {
      readonly type: 'journal'
      readonly side: SideName
      readonly depth: number
      readonly oldestAgeMs: number
      readonly parked: number
    }
  /** Writes to a legacy that is frozen, refused so far, where the engine counts them. The same figure in every process. */
  | { readonly type: 'denied-writes'; readonly writes: number }
  | {
      readonly type: 'read'
      readonly entity: string
      readonly operation: string
      readonly side: SideName
      readonly why: ReadReason
    }
  | {
      readonly type: 'read-outcome'
      readonly entity: string
      readonly operation: string
      readonly side: SideName
      readonly ok: boolean
      readonly durationMs: number
      readonly unit?: string
    }
  | {
      readonly type: 'shadow-read'
      readonly entity: string
      readonly operation: string
      readonly outcome: ShadowOutcome
      /** Where the read was repeated on the primary as well: whether the primary agreed with itself. */
      readonly control?: 'match' | 'noise'
      readonly unit?: string
    }
  /** A write's method was tried on the target inside the copy of that write, and everything it did was taken back. */
  | {
      readonly type: 'rehearsal'
      readonly entity: string
      readonly operation: string
      readonly outcome: RehearsalOutcome
      /** What differed, or why nothing was learned. */
      readonly reason?: RehearsalReason
      /** The names of the fields that the method left otherwise than the copy. */
      readonly fields?: readonly string[]
      /** The redacted error of the method. */
      readonly error?: string
    }
  | {
      readonly type: 'backfill'
      readonly entity: string
      readonly rows: number
      readonly totalRows: number
      readonly etaMs: number | null
      /** What holds this worker back. */
      readonly throttle?: HeldBack
    }
  | {
      readonly type: 'compared'
      readonly entity: string
      readonly compared: number
      readonly mismatched: number
      readonly parity: number
    }
  | { readonly type: 'rollout'; readonly percent: string; readonly epoch: number; readonly killed: boolean }
  /** This process could not read the rollout for the length of a lease and keeps every read on legacy, or can again. */
  | { readonly type: 'rollout-stale'; readonly stale: boolean }
  /** What the router of this process decided since it last said so. */
  | {
      readonly type: 'rollout-decisions'
      readonly side: SideName
      readonly reason: string
      readonly count: number
    }
  /** How old what this process knows of the rollout is. */
  | { readonly type: 'rollout-age'; readonly ageMs: number }
  /** What the guard thinks of the canary: the decimal logarithm of the evidence against target, and what kills. */
  | {
      readonly type: 'guard'
      readonly tier: 'process' | 'all'
      readonly signal: 'errors' | 'latency' | 'integrity'
      readonly verdict: 'ok' | 'hold' | 'kill'
      readonly strength: number
      readonly needed: number
    }
  /** This process sends nobody to target for a while, because target fails it, or does so again. */
  | { readonly type: 'breaker'; readonly open: boolean }
  /** A rollout was killed, and this is what target had been asked until then. */
  | {
      readonly type: 'blast-radius'
      readonly units: number
      readonly operations: number
      readonly mismatches: number
      readonly handedOver: number
    }
  | { readonly type: 'kill'; readonly actor: string; readonly reason: string; readonly evidence?: Json }
  | {
      readonly type: 'auth'
      readonly via: SideName | 'none'
      readonly scheme: string
      readonly upgraded: boolean
      readonly outcome: string
    }
  /** A login met something that somebody should look at. It never names the user. */
  | {
      readonly type: 'auth-finding'
      readonly finding: AuthFinding
      readonly side: SideName
      /** The scheme of the hash, where one was read. */
      readonly scheme?: string
      /** The redacted class of the error, where there was one. */
      readonly error?: string
    }
  /** How many users have not migrated whose legacy hash is of this scheme. */
  | { readonly type: 'auth-remaining'; readonly scheme: string; readonly users: number }
  | {
      readonly type: 'switch'
      readonly to: Phase
      readonly step: string
      readonly durationMs: number
      readonly ok: boolean
    }

/** Why a read was answered by the side that answered it. */
export type ReadReason = 'primary' | 'router' | 'dirty' | 'no-key' | 'fallback'

/** What a login can find out about the stores. */
export type AuthFinding =
  /** More than one account answers to the login. */
  | 'duplicate-login'
  /** The same login belongs to different users in the two stores. */
  | 'different-users'
  /** The stored hash cannot be read, is of no accepted scheme, or asks for more work than the limits allow. */
  | 'malformed-hash'
  | 'unsupported-hash'
  | 'ambiguous-hash'
  | 'costly-hash'
  /** The store failed or did not answer in time. */
  | 'unreachable'
  /** The new hash lost against a change of the password. */
  | 'upgrade-lost'
  /** The application's `candidates` threw: only the text itself was tried. */
  | 'candidates-failed'
  /** The new hash could not be made or stored. */
  | 'upgrade-failed'

export type ShadowOutcome =
  | 'match'
  /** Both sides held still, nothing was on its way, and they differed. */
  | 'mismatch'
  /** They differ in a way that the operation's `ignore` knows. */
  | 'ignored'
  /** The primary did not agree with itself either. */
  | 'noise'
  /** The difference went away, or the key was dirty for as long as it was watched. */
  | 'lagged'
  /** The secondary failed, or did not answer in time. */
  | 'error'
  | 'timeout'
  /** `compare`, `clean` or `ignore` threw. */
  | 'comparison-error'
  /** The primary failed when it was asked once more. */
  | 'undecided'
  /** Too many were under way. */
  | 'shed'

export type RehearsalOutcome = 'match' | 'mismatch' | 'error' | 'skipped'

export type RehearsalReason =
  /** The method left another row, none, or one where there should be none; or it answered otherwise. */
  | 'fields'
  | 'missing-row'
  | 'extra-row'
  | 'result'
  /** The method wrote outside of the transaction that it was given. It is not tried again by this process. */
  | 'escaped'
  /** Another write of the key was pending, or came in between. */
  | 'other-writes'
  /** The copy changed nothing: the write had been copied before, by this process or another. */
  | 'copied'
  /** The target has no row yet, in a phase in which history may still be missing. */
  | 'no-row'
  /** Too many keys were due at once, too many calls were waiting, or the call waited too long. */
  | 'busy'
  /** The operation hung or ended the transaction, and is left alone for a while or for good. */
  | 'resting'
  /** The copy that it was part of failed, and was made again without it. */
  | 'copy-failed'
  /** The side cannot take back a part of a transaction. */
  | 'unsupported'

export type EventOf<Type extends TwinspanEvent['type']> = Extract<TwinspanEvent, { readonly type: Type }>

/** A typed event emitter whose listeners cannot disturb the one who emits. */
export interface Events {
  /** Calls `listener` at every event of the type (`'*'`: every event), synchronously. Returns the function that ends it. */
  on<Type extends TwinspanEvent['type']>(type: Type, listener: (event: EventOf<Type>) => void): () => void
  on(type: '*', listener: (event: TwinspanEvent) => void): () => void
  emit(event: TwinspanEvent): void
}

export function createEvents(): Events {
  const listeners = new Map<string, Set<(event: never) => void>>()
  const tell = (type: string, event: TwinspanEvent): void => {
    const set = listeners.get(type)
    if (set === undefined) return
    for (const listener of set) {
      try {
        listener(event as never)
      } catch {
        // An observer cannot change a result or throw into a request.
      }
    }
  }
  return {
    on(type: string, listener: (event: never) => void): () => void {
      const set = listeners.get(type) ?? new Set()
      listeners.set(type, set)
      set.add(listener)
      return () => set.delete(listener)
    },
    emit(event) {
      tell(event.type, event)
      tell('*', event)
    },
  }
}
