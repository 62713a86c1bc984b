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
import { isDirty, type ReadCall } from './read-call.ts'
import type { ReadSettings } from './reads.ts'
import { type BoundRepository, callMethod } from './repository.ts'

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
): (call: ReadCall, primaryAnswer: Promise<unknown>) => void {
  let inFlight = 0

  return (call, primaryAnswer) => {
    if (inFlight >= settings.shadowInFlight) return report(call, 'shed')
    inFlight++
    void run(call, primaryAnswer).finally(() => {
      inFlight--
    })
  }

  async function run(call: ReadCall, primaryAnswer: Promise<unknown>): Promise<void> {
    let expected: unknown
    try {
      expected = await primaryAnswer
    } catch {
      // Nothing to compare with; the caller has the error.
      return
    }
    let outcome: ShadowOutcome
    try {
      outcome = await compare(call, expected)
    } catch (error) {
      outcome = error instanceof TimeoutError ? 'timeout' : 'error'
    }
    report(call, outcome)
    if (outcome !== 'mismatch') return
    // The operation names the finding: its arguments may be personal data.
    const finding = { kind: 'shadow', entity: entity.name, subject: call.name, detail: { operation: call.name } }
    await migration.store.saveFindings([finding]).catch(() => {})
  }

  async function compare(call: ReadCall, expected: unknown): Promise<ShadowOutcome> {
    const { primary } = migration.snapshot.plan
    const secondary = otherSide(primary)
    if (same(call, expected, await ask(secondary, call))) return 'match'
    for (let look = 1; look <= LOOKS; look++) {
      await migration.sleep(settings.recheckMs * look)
      const again = await ask(primary, call)
      const found = await ask(secondary, call)
      if (same(call, again, found)) return 'lagged'
      if (!(await isDirty(migration, entity, primary, call))) {
        // Nothing is on its way, so what still differs at the next look differs for good.
        const last = await ask(primary, call)
        if (isDeepStrictEqual(again, last) && !same(call, last, await ask(secondary, call))) return 'mismatch'
      }
    }
    return 'lagged'
  }

  function ask(side: SideName, { name, args, options }: ReadCall): Promise<unknown> {
    const timeoutMs = options.timeoutMs ?? settings.readTimeoutMs
    return within(timeoutMs, `${entity.name}.${name} on ${side}`, async () =>
      callMethod(repositories[side].base, name, args),
    )
  }

  function same({ options }: ReadCall, primary: unknown, secondary: unknown): boolean {
    const clean = options.clean ?? ((result: unknown) => result)
    return (options.compare ?? isDeepStrictEqual)(clean(primary), clean(secondary))
  }

  function report({ name, unit }: ReadCall, outcome: ShadowOutcome): void {
    migration.events.emit({
      type: 'shadow-read',
      entity: entity.name,
      operation: name,
      outcome,
      ...(unit === undefined ? {} : { unit }),
    })
  }
}
