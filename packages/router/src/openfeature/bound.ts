import { numberOption, textOption, within } from '@twinspan/core'
import type { UpperBound } from '../upper-bound.ts'

/** The part of an OpenFeature client that is used. */
export interface OpenFeatureClientLike {
  getBooleanValue(
    flagKey: string,
    defaultValue: boolean,
    context: { readonly targetingKey: string; readonly [attribute: string]: string | number | boolean },
  ): Promise<boolean>
}

export interface OpenFeatureBoundOptions {
  /** The flag that has to be on for a unit to read from target. */
  readonly flag: string
  /** What else the flag's rules go by. `targetingKey` is the unit. */
  readonly context?: (unit: string) => Readonly<Record<string, string | number | boolean>>
  /** How long a request waits for a flag that is not known yet. After it the request is legacy's. @default 50 */
  readonly budgetMs?: number
  /** How long an answer is good for. A flag that is asked about in its last quarter is evaluated again meanwhile. @default 5_000 */
  readonly ttlMs?: number
  /** How many units are remembered. @default 10_000 */
  readonly maxUnits?: number
  readonly now?: () => number
}

interface Known {
  readonly allows: boolean
  readonly at: number
}

/**
 * A flag that is kept elsewhere, as an upper bound: who it is off for never reads from target, and who it is on for does when the
 * router says so too. The latch, the lists and the percentage stay ours; set 100 % to leave the percentage to the flag.
 *
 * OpenFeature is asynchronous and `decide` is not, so a unit's flag is evaluated by `router.prepare(unit)`, which the middleware
 * calls, and remembered for a while. A unit whose flag is not known is on legacy, and evaluated for the next time.
 *
 * @example
 * const upperBound = fromOpenFeature(OpenFeature.getClient(), { flag: 'users-on-target' })
 * createRouter(migration, { unit: 'user', upperBound })
 */
export function fromOpenFeature(client: OpenFeatureClientLike, options: OpenFeatureBoundOptions): UpperBound {
  const flag = textOption('flag', options.flag, 'fromOpenFeature')
  const { context = () => ({}), now = () => performance.now() } = options
  const budgetMs = numberOption('budgetMs', options.budgetMs, 50, { min: 1 })
  const ttlMs = numberOption('ttlMs', options.ttlMs, 5_000, { min: 1 })
  const maxUnits = numberOption('maxUnits', options.maxUnits, 10_000, { min: 1 })
  // In the order in which they were learnt, the oldest first.
  const known = new Map<string, Known>()
  const asking = new Map<string, Promise<void>>()

  function fresh(unit: string): Known | undefined {
    const found = known.get(unit)
    return found !== undefined && now() - found.at < ttlMs ? found : undefined
  }

  function learn(unit: string, allows: boolean): void {
    known.delete(unit)
    known.set(unit, { allows, at: now() })
    for (const oldest of known.keys()) {
      if (known.size <= maxUnits) break
      known.delete(oldest)
    }
  }

  function ask(unit: string): Promise<void> {
    const already = asking.get(unit)
    if (already !== undefined) return already
    // A provider that hangs must not be asked about more and more units.
    if (asking.size >= maxUnits) return Promise.resolve()
    const asked = evaluate(unit).finally(() => asking.delete(unit))
    asking.set(unit, asked)
    return asked
  }

  async function evaluate(unit: string): Promise<void> {
    try {
      learn(unit, (await client.getBooleanValue(flag, false, { ...context(unit), targetingKey: unit })) === true)
    } catch {
      // What cannot be evaluated is not on.
      learn(unit, false)
    }
  }

  return {
    allows(unit) {
      const found = fresh(unit)
      if (found === undefined || now() - found.at > ttlMs * 0.75) void ask(unit)
      return found?.allows ?? false
    },
    async prepare(unit) {
      if (fresh(unit) !== undefined) return
      await within(budgetMs, 'Evaluating the flag', () => ask(unit)).catch(() => {})
    },
  }
}
