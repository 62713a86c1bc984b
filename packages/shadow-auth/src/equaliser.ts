import { randomBytes } from 'node:crypto'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { numberOption } from '@twinspan/core'
import type { Form, Forms } from './forms.ts'
import type { Limits } from './limits.ts'
import { type LookupFloor, lookupFloor } from './lookup-floor.ts'
import type { PasswordHasher, Scheme, Work } from './schemes/scheme.ts'
import { verifyForms } from './verify-forms.ts'

export interface EqualiserOptions {
  /**
   * A failed login is answered no sooner than this. Above the longest that a login takes here, it hides every difference
   * that is left, for the price of its wait.
   *
   * @default 0
   */
  readonly floorMs?: number
}

/**
 * Makes every failed login cost the same: one verification at the current cost and one of each legacy hash that is
 * common here, real or dummy, and a wait in place of look-ups that were not made. Without it the time of the answer
 * tells who exists and who has migrated.
 */
export interface Equaliser {
  /** Learns what the legacy hashes of this application cost. */
  observe(work: Work): void
  /** Computes what is missing. */
  spend(done: readonly Work[], forms: Forms | undefined): Promise<void>
  /**
   * Waits until the floors are reached.
   *
   * @param lookupMs how long both stores took together; `undefined` where one of them failed
   */
  settle(startedAt: number, lookupMs: number | undefined): Promise<void>
}

interface Shape {
  readonly name: string
  readonly scheme: Scheme
  /** A hash that costs as much as those it stands in for. */
  readonly dummy: string
  count: number
}

/** More shapes than any application has; a hostile table cannot grow the memory. */
const SHAPES = 64

/** A shape that fewer of the legacy verifications are of is nobody's usual cost: one of its users shows until it is. */
const COMMON = 1 / 20

/** How many legacy shapes every failed login pays for at most. */
const MOST_COMMON = 3

export function createEqualiser(
  options: EqualiserOptions | false | undefined,
  hasher: PasswordHasher,
  accepts: readonly Scheme[],
  limits: Limits,
): Equaliser {
  if (options === false) return { observe: () => {}, spend: async () => {}, settle: async () => {} }
  const floorMs = numberOption('equalise.floorMs', options?.floorMs, 0, { min: 0 })
  const lookups: LookupFloor = lookupFloor()

  const stranger: Form = { bytes: randomBytes(16), text: '' }
  const nobody: Forms = { legacy: [stranger], current: [stranger] }
  const current = shapeOf(hasher, hasher.dummy(), limits)
  const shapes = new Map<string, Shape>()
  const [first] = accepts
  // Until something was seen: the scheme that the application named first.
  let common: readonly Shape[] = first === undefined ? [] : [shapeOf(first, first.dummy(), limits)]
  let seen = 0

  return {
    observe({ scheme, params }) {
      const name = nameOf({ scheme, params })
      const known = shapes.get(name)
      if (known === undefined && shapes.size >= SHAPES) return
      const shape = known ?? { name, scheme, dummy: scheme.dummy(params), count: 0 }
      shape.count++
      seen++
      shapes.set(name, shape)
      common = [...shapes.values()]
        .filter(({ name: other, count }) => other !== current.name && count >= seen * COMMON)
        .sort((a, b) => b.count - a.count)
        .slice(0, MOST_COMMON)
    },
    async spend(done, { legacy, current: own } = nobody) {
      const left = done.map(nameOf)
      const pay = async ({ name, scheme, dummy }: Shape, forms: readonly Form[]): Promise<void> => {
        const unpaid = forms.filter(() => {
          const at = left.indexOf(name)
          if (at >= 0) left.splice(at, 1)
          return at < 0
        })
        await verifyForms(() => unpaid, { hash: dummy }, [scheme], limits)
      }
      await pay(current, own)
      for (const shape of common) await pay(shape, legacy)
    },
    async settle(startedAt, lookupMs) {
      const missing = lookupMs === undefined ? 0 : lookups.missing(lookupMs)
      await until(Math.max(startedAt + floorMs, performance.now() + missing))
    },
  }
}

/** How much too late a timer may be. */
const TIMER_MS = 2

/** Waits to the fraction of a millisecond: a timer alone would tell one class of logins from another by its rounding. */
async function until(deadline: number): Promise<void> {
  const left = deadline - performance.now()
  if (left > TIMER_MS) await sleep(left - TIMER_MS)
  while (performance.now() < deadline) await setImmediate()
}

function shapeOf(scheme: Scheme, dummy: string, limits: Limits): Shape {
  const reading = scheme.read(dummy, limits)
  return { name: nameOf({ scheme, params: reading.ok ? reading.params : {} }), scheme, dummy, count: 0 }
}

function nameOf({ scheme, params }: Work): string {
  return `${scheme.name} ${JSON.stringify(params)}`
}
