import type { GateResult } from '@twinspan/cutover'
import type { Output } from './output.ts'
import { clean, wrap } from './text.ts'

/** The command that opens a gate, where one does; what the gate advises speaks of functions. */
const COMMANDS: Readonly<Record<string, string>> = {
  'backfill-done': 'twinspan backfill',
  'full-sweep': 'twinspan reconcile',
  'canary-complete': 'twinspan ramp 100',
  'guard-not-latched': 'twinspan rearm',
  archived: 'twinspan archive <directory>',
}

/** Each gate with what it found, closed ones first, with what to do about them. */
export function gateLines(output: Output, gates: readonly GateResult[]): readonly string[] {
  const room = Math.max(...gates.map(({ name }) => clean(name).length), 0)
  const indent = ' '.repeat(room + 12)
  const width = output.width - indent.length
  return gates
    .toSorted((one, other) => Number(one.ok) - Number(other.ok))
    .flatMap(({ name, ok, detail, advice }) => {
      const [first = '', ...more] = wrap(clean(detail), width)
      const command = COMMANDS[name]
      const advised = command === undefined ? advice : `→ ${command}`
      const told = advised === undefined || ok ? [] : wrap(clean(advised), width)
      const state = ok ? output.paint('good', 'open  ') : output.paint('bad', 'closed')
      return [
        `  ${state}  ${clean(name).padEnd(room)}  ${first}`,
        ...more.map((line) => `${indent}${line}`),
        ...told.map((line) => `${indent}${output.paint('soft', line)}`),
      ]
    })
}
