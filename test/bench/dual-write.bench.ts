import { PHASES } from '@twinspan/core'
import type { BenchContext, Cases, Measurement } from './bench.ts'
import { measureNoop } from './dual-write/noop.ts'

type Results = ReadonlyMap<string, readonly Measurement[]>

const noopNames = [
  ...['bare', 'allSettled', 'scientist', 'launchdarkly', ...PHASES.map((phase) => `ours.${phase}`)],
  ...['bare.read', 'launchdarkly.read', ...PHASES.map((phase) => `ours.read.${phase}`)],
].map((name) => `noop.${name}`)

/** Cases that are measured together, in turns, when the first of them is asked for. */
function together(part: string, names: readonly string[], measure: (context: BenchContext) => Promise<Results>): Cases {
  let measured: Promise<Results> | undefined
  return Object.fromEntries(
    names.map((name) => [
      name,
      async (context) => {
        const only = context.args.find((arg) => arg.startsWith('--only='))?.slice('--only='.length)
        if (only !== undefined && only !== part) return []
        measured ??= measure(context)
        return (await measured).get(name) ?? []
      },
    ]),
  )
}

export const cases: Cases = {
  ...together('noop', noopNames, measureNoop),
}
