import { isPhase, PHASES, type Phase } from '@twinspan/core'
import { UsageError } from './usage-error.ts'

export function phaseArgument(text: string | undefined): Phase | undefined {
  if (text === undefined || isPhase(text)) return text
  throw new UsageError(`"${text}" is no phase.`, `The phases are ${PHASES.join(', ')}.`)
}
