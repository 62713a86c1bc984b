import { murmur3 } from '../murmur3.ts'

/** Registers of the sketch: a thousand bytes for an error of about three per cent, and next to none below a thousand units. */
const REGISTERS = 1_024
const INDEX_SEED = 0x5eed1
const RANK_SEED = 0x5eed2

/**
 * How many different units there were, by a HyperLogLog sketch: the sketches of several processes add up to that of all, and none
 * of them says who the units were.
 */
export interface UnitCount {
  add(unit: string): void
  merge(text: string): void
  estimate(): number
  /** For `merge` in another process. */
  text(): string
}

export function createUnitCount(): UnitCount {
  const registers = new Uint8Array(REGISTERS)
  return {
    add(unit) {
      const index = murmur3(unit, INDEX_SEED) % REGISTERS
      const rank = Math.clz32(murmur3(unit, RANK_SEED)) + 1
      if (rank > (registers[index] ?? 0)) registers[index] = rank
    },
    merge(text) {
      for (const [index, rank] of Buffer.from(text, 'base64').entries()) {
        if (index < REGISTERS && rank > (registers[index] ?? 0)) registers[index] = rank
      }
    },
    estimate() {
      let sum = 0
      let empty = 0
      for (const rank of registers) {
        sum += 2 ** -rank
        if (rank === 0) empty++
      }
      const raw = ((0.7213 / (1 + 1.079 / REGISTERS)) * REGISTERS ** 2) / sum
      const isFew = raw <= 2.5 * REGISTERS && empty > 0
      return Math.round(isFew ? REGISTERS * Math.log(REGISTERS / empty) : raw)
    },
    text: () => Buffer.from(registers).toString('base64'),
  }
}
