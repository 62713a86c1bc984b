import { isPhase, type Migration, redact } from '@twinspan/core'
import { clipText } from './clip.ts'
import type { ActionName, Settings, Visitor } from './options.ts'
import { REFUSALS, type Refusal } from './refusal.ts'

export type Outcome =
  | { readonly done: true }
  | { readonly done: false; readonly refusal: Refusal }
  | { readonly done: false; readonly failed: string }

/** Does what somebody asked for who may, says why, and typed the migration's name. */
export async function act(
  name: ActionName,
  body: Readonly<Record<string, unknown>>,
  { actor }: Visitor,
  { name: migration }: Pick<Migration, 'name'>,
  actions: Settings<unknown>['actions'],
): Promise<Outcome> {
  const { reason, confirm, to } = body
  if (typeof reason !== 'string' || reason.trim() === '') return { done: false, refusal: REFUSALS.reason }
  if (confirm !== migration) return { done: false, refusal: REFUSALS.confirmation }
  const by = { actor, reason: clipText(reason.trim(), 1_000) }
  try {
    if (name !== 'advance') await actions[name]?.(by)
    else if (isPhase(to)) await actions.advance?.({ ...by, to })
    else return { done: false, refusal: REFUSALS.step }
    return { done: true }
  } catch (error) {
    return { done: false, failed: clipText(redact(error), 1_000) }
  }
}
