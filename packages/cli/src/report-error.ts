import { redact } from '@twinspan/core'
import { CutoverBlockedError } from '@twinspan/cutover'
import { codeOf } from './exit-status.ts'
import { gateLines } from './gates.ts'
import type { Host } from './host.ts'
import { type Output, toJson } from './output.ts'
import { clean, wrap } from './text.ts'
import { UsageError } from './usage-error.ts'

/** Tells what went wrong, on stderr: message and code, and a stack only where `DEBUG` is set. */
export function reportError({ stderr, env }: Host, output: Output, error: unknown): void {
  const code = codeOf(error)
  const message = messageOf(error)
  const gates = error instanceof CutoverBlockedError ? error.gates : undefined
  const hint = error instanceof UsageError ? error.hint : undefined
  if (output.json) {
    stderr.write(`${toJson({ error: { code: code ?? null, message, hint, gates } })}\n`)
  } else {
    const head = gates === undefined ? message : 'Blocked. Nothing was switched.'
    for (const line of wrap(`error: ${clean(head)}${code === undefined ? '' : ` [${code}]`}`, output.width)) {
      stderr.write(`${line}\n`)
    }
    if (gates !== undefined) stderr.write(`${gateLines(output, gates).join('\n')}\n`)
    if (hint !== undefined) stderr.write(`${hint}\n`)
  }
  if (env['DEBUG'] && error instanceof Error) stderr.write(`${error.stack}\n`)
}

// A driver's message may hold a row's values: only its class and code are told.
function messageOf(error: unknown): string {
  return error instanceof Error && (codeOf(error) !== undefined || error instanceof UsageError)
    ? error.message
    : `${redact(error)}. Set DEBUG=1 for the whole of it.`
}
