import type { GateResult } from '@twinspan/cutover'
import type { Output } from './output.ts'
import { clean, wrap } from './text.ts'

/** Each gate with what it found, closed ones first, with what to do about them. */
export function gateLines(output: Output, gates: readonly GateResult[]): readonly string[] {
  const room = Math.max(...gates.map(({ name }) => clean(name).length), 0)
  const indent = ' '.repeat(room + 12)
  const width = output.width - indent.length
  return gates
    .toSorted((one, other) => Number(one.ok) - Number(other.ok))
    .flatMap(({ name, ok, detail, advice }) => {
      const [first = '', ...more] = wrap(clean(detail), width)
      const told = advice === undefined || ok ? [] : wrap(clean(advice), width)
      const state = ok ? output.paint('good', 'open  ') : output.paint('bad', 'closed')
      return [
        `  ${state}  ${clean(name).padEnd(room)}  ${first}`,
        ...more.map((line) => `${indent}${line}`),
        ...told.map((line) => `${indent}${output.paint('soft', line)}`),
      ]
    })
}
