import { isPhase, type Migration, redact } from '@twinspan/core'
import { clipText } from './clip.ts'
import type { ActionName, By, Settings, Visitor } from './options.ts'
import { REFUSALS, type Refusal } from './refusal.ts'
import { rolloutStatus } from './rollout-status.ts'

export type Outcome =
  | { readonly done: true }
  | { readonly done: false; readonly refusal: Refusal }
  | { readonly done: false; readonly failed: string }

/** Does what somebody asked for who may, says why, and typed the migration's name. */
export async function act(
  name: ActionName,
  body: Readonly<Record<string, unknown>>,
  { actor }: Visitor,
  migration: Pick<Migration, 'name' | 'store' | 'snapshot'>,
  actions: Settings<unknown>['actions'],
): Promise<Outcome> {
  const { reason, confirm } = body
  if (typeof reason !== 'string' || reason.trim() === '') return { done: false, refusal: REFUSALS.reason }
  if (confirm !== migration.name) return { done: false, refusal: REFUSALS.confirmation }
  const by = { actor, reason: clipText(reason.trim(), 1_000) }
  const order = orderOf(name, body, by, actions)
  if ('status' in order) return { done: false, refusal: order }
  try {
    await order.give()
    // A router asked for a step from a share that is not in force any more leaves everything as it is, without a word.
    const failed = order.share === undefined ? undefined : await otherShare(order.share, migration)
    return failed === undefined ? { done: true } : { done: false, failed }
  } catch (error) {
    return { done: false, failed: clipText(redact(error), 1_000) }
  }
}

/** What an action is asked to do, or why that cannot be asked. */
function orderOf(
  name: ActionName,
  { to, percent, from }: Readonly<Record<string, unknown>>,
  by: By,
  actions: Settings<unknown>['actions'],
): Refusal | { readonly give: () => Promise<unknown> | undefined; readonly share?: string } {
  switch (name) {
    case 'advance':
      return isPhase(to) ? { give: () => actions.advance?.({ ...by, to }) } : REFUSALS.step
    case 'ramp':
      if (!isDecimal(percent) || (from !== undefined && !isDecimal(from))) return REFUSALS.percent
      return {
        give: () => actions.ramp?.({ ...by, percent, ...(from === undefined ? {} : { from }) }),
        ...(from === undefined ? {} : { share: percent }),
      }
    default:
      return { give: () => actions[name]?.(by) }
  }
}

/** What to say where the rollout has another share than it was given. */
async function otherShare(
  wanted: string,
  { store, snapshot }: Pick<Migration, 'store' | 'snapshot'>,
): Promise<string | undefined> {
  const now = await rolloutStatus(store, snapshot)
  if (now === null || Number(now.percent) === Number(wanted)) return undefined
  return `Somebody has changed the share to ${now.percent} % meanwhile. Nothing was done.`
}

/** What the router makes of it is for the router to say: how fine a share may be, for one. */
function isDecimal(value: unknown): value is string {
  return typeof value === 'string' && /^\d{1,3}(\.\d{1,20})?$/.test(value)
}
