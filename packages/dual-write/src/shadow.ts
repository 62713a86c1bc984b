import { isDeepStrictEqual } from 'node:util'
import {
  type Entity,
  type Migration,
  otherSide,
  type ShadowOutcome,
  type SideName,
  TimeoutError,
  within,
} from '@twinspan/core'
import { isDirty } from './dirty.ts'
import type { ReadOptions, Untyped } from './operation.ts'
import type { ReadSettings } from './reads.ts'
import { type BoundRepository, callMethod } from './repository.ts'

type AnyRead = ReadOptions<Untyped>

/** How often a read that differs is looked at again before it counts as different. */
const LOOKS = 3

/**
 * Repeats a read on the other side, detached from the caller, and compares. What differs is looked at again after a pause
 * with the journal in hand: a key that is still dirty, or an answer that has caught up, is lag and not drift.
 */
export function createShadow(
  migration: Migration,
  entity: Entity,
  repositories: Readonly<Record<SideName, BoundRepository>>,
  settings: ReadSettings,
): (name: string, options: AnyRead, args: readonly unknown[], primaryAnswer: Promise<unknown>) => void {
  let inFlight = 0

  async function ask(side: SideName, name: string, options: AnyRead, args: readonly unknown[]): Promise<unknown> {
    const timeoutMs = options.timeoutMs ?? settings.readTimeoutMs
    return within(timeoutMs, `${entity.name}.${name} on ${side}`, async () =>
      callMethod(repositories[side].base, name, args),
    )
  }

  function same(options: AnyRead, primary: unknown, secondary: unknown): boolean {
    const clean = options.clean ?? ((result: unknown) => result)
    return (options.compare ?? isDeepStrictEqual)(clean(primary), clean(secondary))
  }

  async function compare(
    name: string,
    options: AnyRead,
    args: readonly unknown[],
    expected: unknown,
  ): Promise<ShadowOutcome> {
    const { primary } = migration.snapshot.plan
    const secondary = otherSide(primary)
    if (same(options, expected, await ask(secondary, name, options, args))) return 'match'
    for (let look = 1; look <= LOOKS; look++) {
      await migration.sleep(settings.recheckMs * look)
      const again = await ask(primary, name, options, args)
      const found = await ask(secondary, name, options, args)
      if (same(options, again, found)) return 'lagged'
      if (!(await isDirty(migration, entity, primary, options, args))) {
        // Nothing is on its way, so what still differs at the next look differs for good.
        const last = await ask(primary, name, options, args)
        if (isDeepStrictEqual(again, last) && !same(options, last, await ask(secondary, name, options, args)))
          return 'mismatch'
      }
    }
    return 'lagged'
  }

  async function run(
    name: string,
    options: AnyRead,
    args: readonly unknown[],
    primaryAnswer: Promise<unknown>,
  ): Promise<void> {
    let expected: unknown
    try {
      expected = await primaryAnswer
    } catch {
      // Nothing to compare with; the caller has the error.
      return
    }
    let outcome: ShadowOutcome
    try {
      outcome = await compare(name, options, args, expected)
    } catch (error) {
      outcome = error instanceof TimeoutError ? 'timeout' : 'error'
    }
    migration.events.emit({ type: 'shadow-read', entity: entity.name, operation: name, outcome })
    if (outcome !== 'mismatch') return
    // The operation names the finding: its arguments may be personal data.
    const finding = { kind: 'shadow', entity: entity.name, subject: name, detail: { operation: name } }
    await migration.store.saveFindings([finding]).catch(() => {})
  }

  return (name, options, args, primaryAnswer) => {
    if (inFlight >= settings.shadowInFlight) {
      migration.events.emit({ type: 'shadow-read', entity: entity.name, operation: name, outcome: 'shed' })
      return
    }
    inFlight++
    void run(name, options, args, primaryAnswer).finally(() => {
      inFlight--
    })
  }
}
