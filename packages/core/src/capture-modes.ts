import { InvalidOptionError } from './errors.ts'
import type { SideName } from './phases.ts'
import type { Side } from './side.ts'

/** How the key of a write gets into the journal of the side that takes it. */
export type CaptureMode = 'trigger' | 'transaction' | 'intent'

const MODES: readonly unknown[] = ['trigger', 'transaction', 'intent'] satisfies readonly CaptureMode[]

/** The mode of each side, from one for both or one each. */
export function captureOption(
  option: CaptureMode | Readonly<Partial<Record<SideName, CaptureMode>>> | undefined,
  sides: Readonly<Record<SideName, Side>>,
): Readonly<Record<SideName, CaptureMode>> {
  if (option === null || Array.isArray(option)) throw new InvalidOptionError('capture', option, EXPECTED)
  const given = typeof option === 'object' ? option : { legacy: option, target: option }
  const unknown = Object.keys(given).find((side) => side !== 'legacy' && side !== 'target')
  if (unknown !== undefined) throw new InvalidOptionError('capture', unknown, EXPECTED)
  const modeOf = (side: SideName): CaptureMode => {
    const opaque = sides[side].opaque !== undefined
    const mode = given[side] ?? (opaque ? 'intent' : 'trigger')
    const name = typeof option === 'object' ? `capture.${side}` : 'capture'
    if (!MODES.includes(mode)) throw new InvalidOptionError(name, mode, EXPECTED)
    if (opaque && mode !== 'intent') {
      throw new InvalidOptionError(
        name,
        mode,
        `'intent' for an opaque side, whose writes no database sees (one mode each: capture: { ${side}: 'intent', ... })`,
      )
    }
    return mode
  }
  return { legacy: modeOf('legacy'), target: modeOf('target') }
}

const EXPECTED = "'trigger', 'transaction' or 'intent', or { legacy, target } with one of them each"
