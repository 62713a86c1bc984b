import { sequentialVerdict } from '@twinspan/reconcile'
import { describe, expect, it } from 'vitest'

describe('the sequential test', () => {
  it.each([
    [0, 32_715],
    // The keys that differ are compared too.
    [1, 32_715 + 25_583 + 1],
    [2, 32_715 + 2 * 25_583 + 2],
  ])('with %d mismatches accepts after %d keys and not before', (mismatched, compared) => {
    expect(sequentialVerdict({ compared, mismatched })).toBe('accepted')
    expect(sequentialVerdict({ compared: compared - 3, mismatched })).toBe('open')
  })

  it('rejects two mismatches among the first keys, not one', () => {
    expect(sequentialVerdict({ compared: 100, mismatched: 1 })).toBe('open')
    expect(sequentialVerdict({ compared: 100, mismatched: 2 })).toBe('rejected')
  })

  it('keeps its promise about errors', () => {
    let state = 7
    const random = (): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
      return (state >>> 0) / 2 ** 32
    }
    // Rates a hundred times as high, so that a test is decided after some hundreds of keys.
    const rates = { good: 1e-3, bad: 1e-2 }
    const wrongly = (rate: number, wrong: string): number => {
      let count = 0
      for (let run = 0; run < 1_000; run++) {
        for (let compared = 1, mismatched = 0; ; compared++) {
          if (random() < rate) mismatched++
          const verdict = sequentialVerdict({ compared, mismatched }, rates)
          if (verdict === 'open') continue
          if (verdict === wrong) count++
          break
        }
      }
      return count / 1_000
    }
    expect(wrongly(rates.good, 'rejected')).toBeLessThan(0.07)
    expect(wrongly(rates.bad, 'accepted')).toBeLessThan(0.07)
  })
})
