import { randomBytes } from 'node:crypto'
import { numberOption, sleep } from '@twinspan/core'
import type { Limits } from './limits.ts'
import type { CostParams, PasswordHasher, Scheme } from './schemes/scheme.ts'
import { verifyHash } from './verify-password.ts'

export interface EqualiserOptions {
  /**
   * A failed login is answered no sooner than this. It hides what work cannot: that one more store was asked.
   *
   * @default 0
   */
  readonly floorMs?: number
}

/** What a failed login has already computed: a hash of the current scheme, one of a legacy scheme, or none. */
export type Spent = 'current' | 'legacy' | 'nothing'

/**
 * Makes every failed login cost the same: one verification at the current cost and one of the legacy hash that most
 * users have, real or dummy. Without it the time of the answer tells who exists and who has migrated.
 */
export interface Equaliser {
  /** Learns what the legacy hashes of this application cost. */
  observe(scheme: Scheme, params: CostParams): void
  /** Computes what is missing. */
  spend(spent: Spent, password: Buffer | undefined): Promise<void>
  /** Waits until the floor is reached. */
  settle(startedAt: number): Promise<void>
}

interface Shape {
  readonly scheme: Scheme
  readonly params: CostParams | undefined
  count: number
}

/** More shapes than any application has; a hostile table cannot grow the memory. */
const SHAPES = 64

export function createEqualiser(
  options: EqualiserOptions | false | undefined,
  hasher: PasswordHasher,
  accepts: readonly Scheme[],
  limits: Limits,
): Equaliser {
  if (options === false) return { observe: () => {}, spend: async () => {}, settle: async () => {} }
  const floorMs = numberOption('equalise.floorMs', options?.floorMs, 0, { min: 0 })

  const stranger = randomBytes(16)
  const current = hasher.dummy()
  const [first] = accepts
  const shapes = new Map<string, Shape>()
  let commonest: Shape | undefined = first && { scheme: first, params: undefined, count: 0 }
  let dummy = commonest?.scheme.dummy()

  return {
    observe(scheme, params) {
      const name = `${scheme.name} ${JSON.stringify(params)}`
      const shape = shapes.get(name) ?? { scheme, params, count: 0 }
      if (shape.count === 0 && shapes.size >= SHAPES) return
      shapes.set(name, shape)
      shape.count++
      if (shape === commonest || shape.count <= (commonest?.count ?? 0)) return
      commonest = shape
      dummy = scheme.dummy(params)
    },
    async spend(spent, password = stranger) {
      if (spent !== 'current') await verifyHash(password, current, [hasher], limits)
      if (spent !== 'legacy' && dummy !== undefined && commonest !== undefined) {
        await verifyHash(password, dummy, [commonest.scheme], limits)
      }
    },
    async settle(startedAt) {
      const left = startedAt + floorMs - performance.now()
      if (left > 0) await sleep(left)
    },
  }
}
