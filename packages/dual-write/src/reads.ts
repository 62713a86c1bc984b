import { type Entity, type Migration, otherSide, type ReadReason, type SideName, within } from '@twinspan/core'
import type { ReadOptions, Untyped } from './operation.ts'
import { isDirty, type ReadCall } from './read-call.ts'
import { type BoundRepository, callMethod } from './repository.ts'
import type { Decider } from './router.ts'
import { createShadow } from './shadow.ts'
import { isPromiseLike } from './writes.ts'

export interface ReadSettings {
  readonly router: Decider | undefined
  readonly readTimeoutMs: number
  readonly shadowRate: number
  readonly shadowInFlight: number
  readonly recheckMs: number
  readonly noise: number
  readonly random: () => number
}

/** Answers a read: by the primary, or in a canary by the side that the router names, with the primary to fall back on. */
export function createReads(
  migration: Migration,
  entity: Entity,
  repositories: Readonly<Record<SideName, BoundRepository>>,
  settings: ReadSettings,
): (name: string, options: ReadOptions<Untyped>, args: readonly unknown[]) => unknown {
  const shadow = createShadow(migration, entity, repositories, settings)

  return (name, options, args) => {
    const { plan, stale } = migration.snapshot
    if (plan.reads !== 'router' && !plan.compares) return ask(plan.primary, name, args)
    const call: ReadCall = { name, options, args, unit: unitOf(options, args) }
    // Before anything is read: what comes of the read cannot choose the sample.
    const sampled = plan.compares && settings.random() < (options.shadowRate ?? settings.shadowRate)
    if (plan.reads === 'router' && !stale && settings.router !== undefined) {
      if (call.unit === undefined) answered(call, plan.primary, 'no-key')
      else if (decide(settings.router, call.unit, plan.primary) !== plan.primary) return routed(call, sampled)
    }
    const answer = ask(plan.primary, name, args)
    if (!isPromiseLike(answer)) return answer
    const watched = timed(call, plan.primary, () => answer)
    if (sampled) shadow(call, plan.primary, watched)
    return watched
  }

  function ask(side: SideName, name: string, args: readonly unknown[]): unknown {
    return callMethod(repositories[side].base, name, args)
  }

  async function routed(call: ReadCall, sampled: boolean): Promise<unknown> {
    const { name, args, options } = call
    const { primary } = migration.snapshot.plan
    const secondary = otherSide(primary)
    const fallBack = (why: ReadReason): Promise<unknown> => {
      answered(call, primary, why)
      return timed(call, primary, () => ask(primary, name, args))
    }
    // Asked before the secondary is read: what is clean now has reached it, and what is written from here on is concurrent.
    let dirty: boolean
    try {
      dirty = await isDirty(migration, entity, primary, call)
    } catch {
      return fallBack('fallback')
    }
    if (dirty) return fallBack('dirty')
    const timeoutMs = options.timeoutMs ?? settings.readTimeoutMs
    try {
      const result = await timed(call, secondary, () =>
        within(timeoutMs, `${entity.name}.${name} on ${secondary}`, async () => ask(secondary, name, args)),
      )
      answered(call, secondary, 'router')
      // With everybody in the canary there would be nothing left to compare with.
      if (sampled) shadow(call, secondary, Promise.resolve(result))
      return result
    } catch {
      return fallBack('fallback')
    }
  }

  /** Calls a side and reports how it went, in phases in which somebody compares the sides. */
  async function timed({ name, unit }: ReadCall, side: SideName, work: () => unknown): Promise<unknown> {
    const began = performance.now()
    const report = (ok: boolean): void =>
      migration.events.emit({
        type: 'read-outcome',
        entity: entity.name,
        operation: name,
        side,
        ok,
        durationMs: performance.now() - began,
        ...(unit === undefined ? {} : { unit }),
      })
    try {
      const result = await work()
      report(true)
      return result
    } catch (error) {
      report(false)
      throw error
    }
  }

  function answered({ name }: ReadCall, side: SideName, why: ReadReason): void {
    migration.events.emit({ type: 'read', entity: entity.name, operation: name, side, why })
  }

  function unitOf(options: ReadOptions<Untyped>, args: readonly unknown[]): string | undefined {
    let named: string | null | undefined
    try {
      named = options.unit?.(...args)
    } catch {
      // Nobody is named, so the primary answers: a function of ours must not fail the caller's read.
    }
    return named === undefined || named === null || named === '' ? migration.unitOfWork?.unit : String(named)
  }

  /** The router's decision, the same for one unit throughout one unit of work. A router that throws names nobody. */
  function decide(router: Decider, unit: string, primary: SideName): SideName {
    const pinned = migration.unitOfWork?.pinned
    const pin = `route:${unit}`
    const before = pinned?.get(pin) as SideName | undefined
    if (before !== undefined) return before
    let side = primary
    try {
      side = router.decide(unit).side
    } catch {
      // As if it had named the primary.
    }
    pinned?.set(pin, side)
    return side
  }
}
