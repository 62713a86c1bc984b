import { createGuard, type GuardDeltas } from '@twinspan/router'

/** Whoever says, second by second, whether to kill, and for which signal. */
export type Judge = (second: number, deltas: GuardDeltas) => string | undefined

export function ours(): Judge {
  const guard = createGuard()
  return (second, deltas) => {
    const { verdict, evidence } = guard.tick(second * 1_000, deltas)
    return verdict === 'kill' ? evidence.signal : undefined
  }
}

/** Two proportions since the beginning, compared every second at a level of one in a thousand. */
export function zTest(): Judge {
  const sums = { legacy: { total: 0, bad: 0 }, target: { total: 0, bad: 0 } }
  return (_, { errors }) => {
    for (const side of ['legacy', 'target'] as const) {
      sums[side].total += errors?.[side].total ?? 0
      sums[side].bad += errors?.[side].bad ?? 0
    }
    const { legacy, target } = sums
    if (target.total < 30 || legacy.total < 30) return undefined
    const pooled = (legacy.bad + target.bad) / (legacy.total + target.total)
    const deviation = Math.sqrt(pooled * (1 - pooled) * (1 / legacy.total + 1 / target.total))
    const z = (target.bad / target.total - legacy.bad / legacy.total) / deviation
    return z > 3.09 ? 'errors' : undefined
  }
}

/** More than so many per cent of the target's reads of the last seconds failed. */
function window(seconds: number, share: number, atLeast: number): Judge {
  const last: { readonly total: number; readonly bad: number }[] = []
  let total = 0
  let bad = 0
  return (_, { errors }) => {
    const { target = { total: 0, bad: 0 } } = errors ?? {}
    last.push(target)
    total += target.total
    bad += target.bad
    if (last.length > seconds) {
      const first = last.shift()
      total -= first?.total ?? 0
      bad -= first?.bad ?? 0
    }
    return total >= atLeast && bad > share * total ? 'errors' : undefined
  }
}

export const fixedThreshold = (): Judge => window(60, 0.01, 1)

export const halfBreaker = (): Judge => window(10, 0.5, 5)
