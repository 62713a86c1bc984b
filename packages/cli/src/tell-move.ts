import type { Phase } from '@twinspan/core'
import type { CutoverResult } from '@twinspan/cutover'
import type { Outcome } from './exit-status.ts'
import type { Output } from './output.ts'
import { clean, counted, duration, wrap } from './text.ts'

interface Move extends Partial<Omit<CutoverResult, 'from' | 'to' | 'snapshot'>> {
  readonly migration: string
  readonly from: Phase
  readonly to: Phase
  readonly epoch: number
}

/** What a change of phase came to. */
export function tellMove(output: Output, move: Move): Outcome {
  const { migration, from, to, epoch, steps = [], drained = 0, writersWaitedMs = 0, unsettled = [] } = move
  output.object({ migration, from, to, epoch, steps, drained, writersWaitedMs, unsettled })
  const road = from === to ? `in ${to} already` : `${from} → ${to}`
  output.lines(`${output.paint('good', 'Done.')} ${clean(migration)}: ${road}, epoch ${epoch}`)
  for (const { step, durationMs } of steps) output.lines(`  ${step.padEnd(12)}${duration(durationMs)}`)
  if (steps.some(({ step }) => step === 'fence')) {
    output.lines(`Writers waited ${duration(writersWaitedMs)}; ${counted(drained, 'key')} drained behind the fence.`)
  }
  for (const sentence of unsettled) {
    const [first = '', ...more] = wrap(clean(sentence), output.width - 12)
    output.lines(`  ${output.paint('doubt', 'remains')}   ${first}`, ...more.map((line) => `            ${line}`))
  }
  return unsettled.length === 0 ? 'done' : 'unsettled'
}
