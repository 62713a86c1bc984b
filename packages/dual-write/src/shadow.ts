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
import { detachedArgs } from './detached-args.ts'
import { isDirty, type ReadCall } from './read-call.ts'
import type { ReadSettings } from './reads.ts'
import { type BoundRepository, callMethod } from './repository.ts'

/** How often a read that differs is looked at again before it counts as different. */
const LOOKS = 3

type Control = 'match' | 'noise'

/** Ends a comparison that can be concluded no more; carries what it counts as. */
class Inconclusive extends Error {
  readonly outcome: ShadowOutcome

  constructor(outcome: ShadowOutcome) {
    super(outcome)
    this.outcome = outcome
  }
}

/**
 * Repeats a read on the side that did not answer it, detached from the caller, and compares. What differs is looked at
 * again after a pause with the journal in hand: a key that is still dirty, or an answer that has caught up, is lag and not
 * drift, and what the primary itself answers differently each time is noise.
 */
export function createShadow(
  migration: Migration,
  entity: Entity,
  repositories: Readonly<Record<SideName, BoundRepository>>,
  settings: ReadSettings,
): (call: ReadCall, side: SideName, answer: Promise<unknown>) => void {
  let inFlight = 0

  return (call, side, answer) => {
    if (inFlight >= settings.shadowInFlight) return report(call, 'shed')
    inFlight++
    void run({ ...call, args: detachedArgs(call.args) }, side, answer).finally(() => {
      inFlight--
    })
  }

  async function run(call: ReadCall, side: SideName, answer: Promise<unknown>): Promise<void> {
    let answered: unknown
    try {
      answered = await answer
    } catch {
      // Nothing to compare with; the caller has the error.
      return
    }
    const { primary } = migration.snapshot.plan
    const repeated = settings.random() < settings.noise
    let outcome: ShadowOutcome
    let control: Control | undefined
    try {
      const expected = side === primary ? answered : await ask(primary, call)
      // Both at the same distance from the first answer, so that one is the measure of the other.
      const second = repeated ? ask(primary, call) : undefined
      second?.catch(() => {})
      const found = side === primary ? await ask(otherSide(primary), call) : answered
      if (second !== undefined) control = same(call, expected, await second) ? 'match' : 'noise'
      outcome = await compare(call, expected, found)
    } catch (error) {
      outcome = error instanceof Inconclusive ? error.outcome : 'error'
    }
    report(call, outcome, control)
    if (outcome !== 'mismatch') return
    // The operation names the finding: its arguments may be personal data.
    const finding = { kind: 'shadow', entity: entity.name, subject: call.name, detail: { operation: call.name } }
    await migration.store.saveFindings([finding]).catch(() => {})
  }

  async function compare(call: ReadCall, expected: unknown, found: unknown): Promise<ShadowOutcome> {
    const { primary } = migration.snapshot.plan
    const secondary = otherSide(primary)
    if (same(call, expected, found)) return 'match'
    if (ignores(call, expected, found)) return 'ignored'
    let noisy = false
    for (let look = 1; look <= LOOKS; look++) {
      await migration.sleep(settings.recheckMs * look)
      const again = await ask(primary, call)
      if (same(call, again, await ask(secondary, call))) return 'lagged'
      if (await dirty(call, primary)) continue
      const last = await ask(primary, call)
      if (!same(call, again, last)) {
        noisy = true
        continue
      }
      // Nothing is on its way and the primary holds still, so what still differs now differs for good.
      const found = await ask(secondary, call)
      if (!same(call, last, found)) return ignores(call, last, found) ? 'ignored' : 'mismatch'
    }
    return noisy ? 'noise' : 'lagged'
  }

  async function ask(side: SideName, { name, args, options }: ReadCall): Promise<unknown> {
    const timeoutMs = options.timeoutMs ?? settings.readTimeoutMs
    try {
      return await within(timeoutMs, `${entity.name}.${name} on ${side}`, async () =>
        callMethod(repositories[side].base, name, args),
      )
    } catch (error) {
      if (side === migration.snapshot.plan.primary) throw new Inconclusive('undecided')
      throw new Inconclusive(error instanceof TimeoutError ? 'timeout' : 'error')
    }
  }

  async function dirty(call: ReadCall, primary: SideName): Promise<boolean> {
    try {
      return await isDirty(migration, entity, primary, call)
    } catch {
      throw new Inconclusive('undecided')
    }
  }

  function same({ options }: ReadCall, primary: unknown, secondary: unknown): boolean {
    const clean = options.clean ?? ((result: unknown) => result)
    return judged(() => (options.compare ?? isDeepStrictEqual)(clean(primary), clean(secondary)))
  }

  function ignores({ options }: ReadCall, primary: unknown, secondary: unknown): boolean {
    return judged(() => options.ignore?.(primary, secondary) === true)
  }

  function report({ name, unit }: ReadCall, outcome: ShadowOutcome, control?: Control): void {
    migration.events.emit({
      type: 'shadow-read',
      entity: entity.name,
      operation: name,
      outcome,
      ...(control === undefined ? {} : { control }),
      ...(unit === undefined ? {} : { unit }),
    })
  }
}

/** What an application's function says, or that it threw. */
function judged(ask: () => boolean): boolean {
  try {
    return ask()
  } catch {
    throw new Inconclusive('comparison-error')
  }
}
