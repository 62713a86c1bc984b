import { randomBytes } from 'node:crypto'
import { numberOption } from '@twinspan/core'
import argon2 from 'argon2'

export interface CalibrateOptions {
  /**
   * How long one hash may take, in milliseconds.
   *
   * @default 50
   */
  readonly targetMs?: number
  /**
   * The most memory that one hash may take, in KiB. As many hashes as the gate admits take it at the same time.
   *
   * @default 65_536
   */
  readonly memory?: number
  /**
   * Lanes of one hash, each a thread.
   *
   * @default 1
   */
  readonly p?: number
  /**
   * How long a hash with these parameters takes, in milliseconds.
   *
   * @default the median of three on this machine
   */
  readonly measure?: (params: Argon2Cost) => Promise<number>
}

interface Argon2Cost {
  readonly m: number
  readonly t: number
  readonly p: number
}

/** A policy for `argon2id()`, and what it costs here. */
export interface Calibration extends Argon2Cost {
  /** What a hash took, in milliseconds. */
  readonly ms: number
  /** `false`: the least that OWASP recommends takes longer than the target, and is proposed all the same. */
  readonly meetsTarget: boolean
}

/** The least passes that OWASP recommends with this much memory, in KiB, the most memory first. */
const OWASP: readonly { readonly m: number; readonly t: number }[] = [
  { m: 1_048_576, t: 1 },
  { m: 524_288, t: 1 },
  { m: 262_144, t: 1 },
  { m: 131_072, t: 1 },
  { m: 65_536, t: 1 },
  { m: 47_104, t: 1 },
  { m: 19_456, t: 2 },
  { m: 12_288, t: 3 },
  { m: 9_216, t: 4 },
  { m: 7_168, t: 5 },
]

const LEAST_MEMORY = 7_168

/** Enough passes for any target; a machine on which more are needed has memory to spare. */
const MOST_PASSES = 64

/**
 * Measures this machine and proposes parameters for Argon2id: as much memory as the target allows, then as many passes,
 * never less than OWASP recommends. Run it where the service runs, idle, and write the result down: it is no part of a
 * start, or two processes would disagree about which hashes are old.
 *
 * @example
 * ```ts
 * const { m, t, p, ms } = await calibrate({ targetMs: 100, memory: 131_072 })
 * ```
 *
 * @throws InvalidOptionError
 */
export async function calibrate(options: CalibrateOptions = {}): Promise<Calibration> {
  const targetMs = numberOption('targetMs', options.targetMs, 50, { min: 1 })
  const memory = numberOption('memory', options.memory, 65_536, { min: LEAST_MEMORY, max: 2 ** 22, integer: true })
  const p = numberOption('p', options.p, 1, { min: 1, max: 255, integer: true })
  const measure = options.measure ?? measureHere

  let least: Calibration | undefined
  for (const { m, t } of OWASP.filter((rung) => rung.m <= memory)) {
    const ms = await measure({ m, t, p })
    least = { m, t, p, ms, meetsTarget: ms <= targetMs }
    if (least.meetsTarget) return addPasses(least, targetMs, measure)
  }
  // There is a rung, for the memory is no less than that of the last one.
  return least as Calibration
}

/** Time grows with the passes; what the arithmetic proposes is measured before it is believed. */
async function addPasses(
  from: Calibration,
  targetMs: number,
  measure: (params: Argon2Cost) => Promise<number>,
): Promise<Calibration> {
  const { m, p } = from
  for (let t = Math.min(MOST_PASSES, Math.floor((from.t * targetMs) / from.ms)); t > from.t; t--) {
    const ms = await measure({ m, t, p })
    if (ms <= targetMs) return { m, t, p, ms, meetsTarget: true }
  }
  return from
}

async function measureHere({ m, t, p }: Argon2Cost): Promise<number> {
  const took: number[] = []
  for (let run = 0; run < 3; run++) {
    const started = performance.now()
    await argon2.hash(randomBytes(16), { raw: true, memoryCost: m, timeCost: t, parallelism: p, salt: randomBytes(16) })
    took.push(performance.now() - started)
  }
  return took.sort((a, b) => a - b)[1] ?? 0
}
