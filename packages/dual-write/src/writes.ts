import {
  type Entity,
  type EventOf,
  type Key,
  keyText,
  type Migration,
  type Plan,
  recordGap,
  redact,
  type SideName,
} from '@twinspan/core'
import { type Call, callsOf } from './calls.ts'
import { detachedArgs } from './detached-args.ts'
import { SynchronousWriteError, sendIntended } from './intended-write.ts'
import { keysOf, type Untyped, type WriteOptions } from './operation.ts'
import { type BoundRepository, callMethod } from './repository.ts'
import { waitForMirror } from './wait-for-mirror.ts'

type AnyWrite = WriteOptions<Untyped>

/** How often one write may be sent because the fence refused it. A second switch within one write is rare. */
const ATTEMPTS = 3

/**
 * Runs a write on the primary. What the caller sees is what the primary gave: the same value, the same error object.
 */
export function createWrites(
  migration: Migration,
  entity: Entity,
  repositories: Readonly<Record<SideName, BoundRepository>>,
  refused: (error: unknown) => boolean = () => false,
): (name: string, options: AnyWrite, args: readonly unknown[]) => unknown {
  /** Methods that turned out to answer at once, where that cannot be. */
  const synchronous = new Set<string>()
  const ended = createEnded(entity.name)

  return (name, options, args) => {
    const { plan } = migration.snapshot
    return plan.captures ? write(plan, name, options, args) : writePlain(plan, name, options, args)
  }

  /** Where nothing is captured: the call and its outcome, and nothing is made for what does not happen. */
  function writePlain(plan: Plan, name: string, options: AnyWrite, args: readonly unknown[]): unknown {
    const { isStalePhase } = migration.sides[plan.primary]
    const { none, primary } = ended(name)
    let answer: unknown
    try {
      answer = callMethod(repositories[plan.primary].base, name, args)
    } catch (error) {
      migration.events.emit(primary)
      throw error
    }
    if (!isPromiseLike(answer)) {
      migration.events.emit(none)
      return answer
    }
    return Promise.resolve(answer).then(
      (result) => {
        migration.events.emit(none)
        return result
      },
      async (error: unknown) => {
        if (!isStalePhase(error)) {
          migration.events.emit(primary)
          throw error
        }
        // The fence refused and nothing was written: the phase has moved, or is about to.
        return write((await migration.settled()).plan, name, options, args)
      },
    )
  }

  function write(plan: Plan, name: string, options: AnyWrite, args: readonly unknown[]): unknown {
    let answer: unknown
    try {
      answer = send(plan)
    } catch (error) {
      report('primary')
      throw error
    }
    if (isPromiseLike(answer)) return finish(plan, answer)
    // A repository that answers at once keeps doing so.
    report('none')
    hint(plan, answer)
    return answer

    function send({ primary, captures }: Plan): unknown {
      const { base, on } = repositories[primary]
      const mode = captures ? migration.capture[primary] : undefined
      if (mode === 'intent') return sendIntent(primary)
      if (mode !== 'transaction' || on === undefined) return callMethod(base, name, args)
      return sendCaptured(primary, async (connection) => callMethod(on(connection), name, args))
    }

    function sendIntent(side: SideName): Promise<unknown> {
      if (synchronous.has(name)) throw new SynchronousWriteError(name, false)
      return sendIntended(migration, {
        entity: entity.name,
        operation: name,
        side,
        before: keysBefore(side),
        after: (answer) => keysAfter(side, answer).map(keyText),
        call: () => callMethod(repositories[side].base, name, args),
        refused,
      }).catch((error: unknown) => {
        if (error instanceof SynchronousWriteError) synchronous.add(name)
        throw error
      })
    }

    /** The keys, where the key function does not declare the result. */
    function keysBefore(side: SideName): readonly string[] | undefined {
      if (((options.key ?? options.keys)?.length ?? 0) > parametersOf(side)) return undefined
      try {
        return keysOf(options, args)?.map(keyText)
      } catch {
        return undefined
      }
    }

    function parametersOf(side: SideName): number {
      return (repositories[side].base as Record<string, { readonly length: number } | undefined>)[name]?.length ?? 0
    }

    async function sendCaptured(primary: SideName, work: (connection: unknown) => Promise<unknown>): Promise<unknown> {
      const request = { entity: entity.name, keys: (result: unknown) => keysAfter(primary, result) }
      if (migration.onCaptureFailure === 'fail-write') return migration.sides[primary].captureWrite(request, work)
      let gap: { readonly error: unknown } | undefined
      const uncaptured = async (error: unknown): Promise<void> => {
        await recordGap(migration, entity.name, error).catch(() => {
          throw error
        })
        gap = { error }
      }
      const result = await migration.sides[primary].captureWrite({ ...request, uncaptured }, work)
      if (gap === undefined) return result
      migration.events.emit({ type: 'capture-gap', entity: entity.name, error: redact(gap.error) })
      // Once more after the commit: a sweep that began between the first record and the commit has not seen the write.
      void recordGap(migration, entity.name, gap.error).catch(() => {})
      return result
    }

    async function finish(sentBy: Plan, sent: PromiseLike<unknown>): Promise<unknown> {
      let plan = sentBy
      let pending = sent
      for (let attempt = 1; ; attempt++) {
        try {
          const result = await pending
          report('none')
          const keys = hint(plan, result)
          if (options.waitForMirror !== undefined && keys.length > 0) {
            await waitForMirror(migration, entity.name, keys, options.waitForMirror.budgetMs)
          }
          return result
        } catch (error) {
          if (attempt === ATTEMPTS || !migration.sides[plan.primary].isStalePhase(error)) {
            report('primary')
            throw error
          }
          // The fence refused and nothing was written: the phase has moved, or is about to.
          plan = (await migration.settled()).plan
          pending = Promise.resolve(send(plan))
        }
      }
    }

    /** Tells the mirror of this process what to look at. The journal knows already. */
    function hint({ captures, primary, mirrorsTo }: Plan, result: unknown): readonly string[] {
      if (!captures) return []
      try {
        const keys = keysAfter(primary, result).map(keyText)
        if (options.mirror === 'call' && mirrorsTo === 'target') handOver(keys, result)
        migration.events.emit({ type: 'dirty', entity: entity.name, keys })
        return keys
      } catch {
        // The write is committed and captured; a key function that throws costs the hint, never the caller's answer.
        return []
      }
    }

    /** Lets the mirror of this process try the target's own method. Never the other way round: legacy's is proven. */
    function handOver([key]: readonly string[], result: unknown): void {
      const { on } = repositories.target
      if (key === undefined || on === undefined) return
      callsOf(migration).offer({
        entity,
        key,
        operation: name,
        options: options as Call['options'],
        args: detachedArgs(args),
        result,
        at: migration.now(),
        keyAfter: (answer) => keysAfter('target', answer)[0],
        on,
      })
    }

    /** The result stands after the parameters, also where the caller left out optional ones. */
    function keysAfter(side: SideName, result: unknown): readonly Key[] {
      const length = parametersOf(side)
      const named = (options.key ?? options.keys)?.length ?? 0
      const padded = [...args]
      while (padded.length < Math.max(length, named - 1)) padded.push(undefined)
      return keysOf(options, [...padded, result]) ?? []
    }

    function report(failedOn: 'none' | 'primary'): void {
      migration.events.emit(ended(name)[failedOn])
    }
  }
}

type Ended = Readonly<Record<'none' | 'primary', EventOf<'write'>>>

/** The events that tell of the end of a write, made once for each operation. */
function createEnded(entity: string): (operation: string) => Ended {
  const known = new Map<string, Ended>()
  return (operation) => {
    let events = known.get(operation)
    if (events === undefined) {
      const of = (failedOn: 'none' | 'primary'): EventOf<'write'> => ({ type: 'write', entity, operation, failedOn })
      events = { none: of('none'), primary: of('primary') }
      known.set(operation, events)
    }
    return events
  }
}

export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
