import { InvalidOptionError, numberOption } from '@twinspan/core'
import type { CustomGate } from './gate.ts'
import { MOVES } from './moves.ts'

const DAY = 86_400_000

/** What a switch demands, and how long it may take. */
export interface CutoverOptions {
  /** Dirty keys with which a switch may still begin; they are drained while writers wait. @default 1_000 */
  readonly maxDirtyKeys?: number
  /**
   * How old a dirty key may be. Measured, not believed: the gate watches until everything that was dirty when it began has
   * been mirrored, so a mirror that stands still shows at once.
   *
   * @default 1_000
   */
  readonly maxLagMs?: number
  /** The parity that the last full sweep has to show, with undecided keys counted as different. @default 0.9999 */
  readonly minParity?: number
  /** How old the last full sweep may be. @default 86_400_000 (a day) */
  readonly maxSweepAgeMs?: number
  /**
   * How far the clocks of the processes and of the state store may be apart. A full sweep counts as newer than a capture
   * gap only by more than this.
   *
   * @default 500
   */
  readonly clockSkewMs?: number
  /** How long the canary has to have stood at 100 %. @default 0 */
  readonly canaryDwellMs?: number
  /** Target rows of each entity that are translated back before a switch. Five of them are written to legacy and rolled back. @default 100 */
  readonly probeRows?: number
  /** How far past the other side's largest key the generator of the new primary is moved. @default 1_000 */
  readonly identityMargin?: number
  /** How long one attempt to close the fence waits for writers in flight. Other writers queue behind it. @default 1_000 */
  readonly lockTimeoutMs?: number
  /** Attempts to close the fence before the switch gives up. @default 5 */
  readonly lockAttempts?: number
  /**
   * How long the fence may stay closed before the switch is undone. Keep it, with `lockTimeoutMs`, below the migration's
   * `switchWaitMs`, and a switch that is undone fails no write.
   *
   * @default 3_000
   */
  readonly switchTimeoutMs?: number
  /** How long `advance` waits until every live process works by the current epoch. @default 11_000 */
  readonly acknowledgeMs?: number
  /** How long one gate may take before it counts as closed. @default 15_000 */
  readonly gateTimeoutMs?: number
  /** How long legacy is kept, frozen, before `canDrop` agrees to let it go; by the target's clock. @default 604_800_000 (7 days) */
  readonly holdMs?: number
  /** Conditions of your own. */
  readonly gates?: readonly CustomGate[]
  /** Called once the fence is closed: `() => mirror.drain()`. Without it the mirrors of the live processes do the work. */
  readonly drain?: () => Promise<unknown>
}

/** The options with their defaults. */
export interface Settings extends Required<Omit<CutoverOptions, 'drain'>> {
  readonly drain: (() => Promise<unknown>) | undefined
}

export function settingsOf(options: CutoverOptions): Settings {
  const count = { min: 0, integer: true }
  for (const gate of options.gates ?? []) validateGate(gate)
  if (options.drain !== undefined && typeof options.drain !== 'function') {
    throw new InvalidOptionError('drain', options.drain, 'a function')
  }
  return {
    maxDirtyKeys: numberOption('maxDirtyKeys', options.maxDirtyKeys, 1_000, count),
    maxLagMs: numberOption('maxLagMs', options.maxLagMs, 1_000, { min: 0 }),
    minParity: numberOption('minParity', options.minParity, 0.9999, { min: 0, max: 1 }),
    maxSweepAgeMs: numberOption('maxSweepAgeMs', options.maxSweepAgeMs, DAY, { min: 0 }),
    clockSkewMs: numberOption('clockSkewMs', options.clockSkewMs, 500, { min: 0 }),
    canaryDwellMs: numberOption('canaryDwellMs', options.canaryDwellMs, 0, { min: 0 }),
    probeRows: numberOption('probeRows', options.probeRows, 100, { ...count, max: 10_000 }),
    identityMargin: numberOption('identityMargin', options.identityMargin, 1_000, count),
    lockTimeoutMs: numberOption('lockTimeoutMs', options.lockTimeoutMs, 1_000, { min: 1 }),
    lockAttempts: numberOption('lockAttempts', options.lockAttempts, 5, { min: 1, integer: true }),
    switchTimeoutMs: numberOption('switchTimeoutMs', options.switchTimeoutMs, 3_000, { min: 1 }),
    acknowledgeMs: numberOption('acknowledgeMs', options.acknowledgeMs, 11_000, { min: 0 }),
    gateTimeoutMs: numberOption('gateTimeoutMs', options.gateTimeoutMs, 15_000, { min: 1 }),
    holdMs: numberOption('holdMs', options.holdMs, 7 * DAY, { min: 0 }),
    gates: options.gates ?? [],
    drain: options.drain,
  }
}

function validateGate(gate: CustomGate): void {
  if (typeof gate?.name !== 'string' || gate.name === '') {
    throw new InvalidOptionError('gates', gate, 'gates with a name and a check')
  }
  if (typeof gate.check !== 'function')
    throw new InvalidOptionError('check', gate.check, 'a function', `gate "${gate.name}"`)
  for (const move of gate.for ?? []) {
    if (!(move in MOVES))
      throw new InvalidOptionError('for', move, Object.keys(MOVES).join(', '), `gate "${gate.name}"`)
  }
}
