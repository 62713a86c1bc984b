import { type ChangeContext, change } from './change.ts'
import type { Edits } from './edits.ts'
import type { KillOptions } from './router.ts'

const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 5_000

/**
 * Stores a kill, again and again until it stands: a kill that gives up because the store is slow would leave every other
 * process on a target that fails.
 */
export async function killUntilStored(
  context: ChangeContext,
  edits: Edits,
  { actor, reason, evidence, signal }: KillOptions,
): Promise<void> {
  const { migration, follower } = context
  const by = { actor, reason, ...(evidence === undefined ? {} : { evidence }) }
  if (follower.view.killed === null) migration.events.emit({ type: 'kill', ...by })
  const edit = edits.kill(actor, reason, evidence)
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
    try {
      await change(context, edit, by)
      return
    } catch (error) {
      if (signal?.aborted) throw error
      await migration.sleep(pauseMs, signal)
    }
  }
}
