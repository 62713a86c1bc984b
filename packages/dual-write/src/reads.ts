import { type Entity, type Migration, otherSide, type ReadReason, type SideName, within } from '@twinspan/core'
import { isDirty } from './dirty.ts'
import type { ReadOptions, Untyped } from './operation.ts'
import { type BoundRepository, callMethod } from './repository.ts'
import type { Decider } from './router.ts'
import { createShadow } from './shadow.ts'
import { isPromiseLike } from './writes.ts'

type AnyRead = ReadOptions<Untyped>

export interface ReadSettings {
  readonly router: Decider | undefined
  readonly readTimeoutMs: number
  readonly shadowRate: number
  readonly shadowInFlight: number
  readonly recheckMs: number
  readonly random: () => number
}

/** Answers a read: by the primary, or in a canary by the side that the router names, with the primary to fall back on. */
export function createReads(
  migration: Migration,
  entity: Entity,
  repositories: Readonly<Record<SideName, BoundRepository>>,
  settings: ReadSettings,
): (name: string, options: AnyRead, args: readonly unknown[]) => unknown {
  const shadow = createShadow(migration, entity, repositories, settings)

  function answered(name: string, side: SideName, why: ReadReason): void {
    migration.events.emit({ type: 'read', entity: entity.name, operation: name, side, why })
  }

  /** Calls a side and reports how it went, in phases in which somebody compares the sides. */
  async function timed(name: string, side: SideName, unit: string | undefined, call: () => unknown): Promise<unknown> {
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
      const result = await call()
      report(true)
      return result
    } catch (error) {
      report(false)
      throw error
    }
  }

  async function routed(name: string, options: AnyRead, args: readonly unknown[], unit: string): Promise<unknown> {
    const { primary } = migration.snapshot.plan
    const secondary = otherSide(primary)
    const fallBack = (why: ReadReason): Promise<unknown> => {
      answered(name, primary, why)
      return timed(name, primary, unit, () => callMethod(repositories[primary].base, name, args))
    }
    // Asked before the secondary is read: what is clean now has reached it, and what is written from here on is concurrent.
    let dirty: boolean
    try {
      dirty = await isDirty(migration, entity, primary, options, args)
    } catch {
      return fallBack('fallback')
    }
    if (dirty) return fallBack('dirty')
    const timeoutMs = options.timeoutMs ?? settings.readTimeoutMs
    try {
      const result = await timed(name, secondary, unit, () =>
        within(timeoutMs, `${entity.name}.${name} on ${secondary}`, async () =>
          callMethod(repositories[secondary].base, name, args),
        ),
      )
      answered(name, secondary, 'router')
      return result
    } catch {
      return fallBack('fallback')
    }
  }

  return (name, options, args) => {
    const { plan, stale } = migration.snapshot
    if (plan.reads === 'router' && !stale && settings.router !== undefined) {
      const unit = unitOf(options, args)
      if (unit === undefined) answered(name, plan.primary, 'no-key')
      else if (decide(settings.router, unit) !== plan.primary) return routed(name, options, args, unit)
    }
    const call = (): unknown => callMethod(repositories[plan.primary].base, name, args)
    if (!plan.compares) return call()
    const result = call()
    if (!isPromiseLike(result)) return result
    const watched = timed(name, plan.primary, unitOf(options, args), () => result)
    // Sampled before it is made, detached from the caller, and of no consequence to it.
    if (settings.random() < (options.shadowRate ?? settings.shadowRate)) shadow(name, options, args, watched)
    return watched
  }

  function unitOf(options: AnyRead, args: readonly unknown[]): string | undefined {
    const named = options.unit?.(...args)
    return named === undefined || named === null || named === '' ? migration.unitOfWork?.unit : String(named)
  }

  /** The router's decision, the same for one unit throughout one unit of work. */
  function decide(router: Decider, unit: string): SideName {
    const pinned = migration.unitOfWork?.pinned
    const pin = `route:${unit}`
    const before = pinned?.get(pin) as SideName | undefined
    if (before !== undefined) return before
    const { side } = router.decide(unit)
    pinned?.set(pin, side)
    return side
  }
}
