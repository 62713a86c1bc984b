import { followDecision, type Migration, otherSide, redact, type Snapshot, within } from '@twinspan/core'
import type { DriveRequest } from './drive.ts'
import { decidingSide } from './moves.ts'
import type { Steps } from './steps.ts'
import { WORK } from './work.ts'

const FOLLOW_MS = 5_000
const LOOK_MS = 20

const NOT_FROZEN =
  'Legacy is opaque and cannot be frozen from here: make its store read-only, or take its credentials away.'

export interface Followed {
  readonly snapshot: Snapshot
  readonly writersWaitedMs: number
  readonly unsettled: readonly string[]
}

/** Makes everything else agree with a decision that was taken. What does not succeed here, another process does later. */
export async function follow(request: DriveRequest, steps: Steps, closedAt: number | undefined): Promise<Followed> {
  const { migration, settings, move, snapshot: before } = request
  const epoch = before.epoch + 1
  const unsettled: string[] = []
  await steps.run('open', () => openOther(request, epoch))
  const writersWaitedMs = closedAt === undefined ? 0 : migration.now() - closedAt
  const behind = await steps.run('follow', () => untilFollowed(migration, move, epoch))
  if (behind !== undefined) unsettled.push(behind)
  await WORK[move.name]
    .settle?.({ migration, settings, steps, epoch })
    .catch((error: unknown) => unsettled.push(`${steps.current} did not succeed: ${redact(error)}`))
  if (move.to === 'complete' && migration.sides.legacy.opaque !== undefined) unsettled.push(NOT_FROZEN)
  return { snapshot: migration.snapshot, writersWaitedMs, unsettled }
}

/** Writers wait for nothing else any more, and the others leave it to the driver for a moment. */
async function openOther({ migration, settings, move }: DriveRequest, epoch: number): Promise<void> {
  const deciding = decidingSide(move)
  const { fence } = migration.sides[otherSide(deciding)]
  const { lockTimeoutMs } = settings
  const open = async (): Promise<void> => {
    const [decided, behind] = await Promise.all([migration.sides[deciding].fence.read(), fence.read()])
    if (decided !== undefined && decided.row.epoch >= epoch)
      await followDecision(fence, decided.row, behind?.row, { lockTimeoutMs })
  }
  // What fails here, any process does.
  await within(2 * lockTimeoutMs, 'The other fence', open).catch(() => {})
}

async function untilFollowed(
  migration: Migration,
  move: DriveRequest['move'],
  epoch: number,
): Promise<string | undefined> {
  const other = otherSide(decidingSide(move))
  const until = migration.now() + FOLLOW_MS
  for (;;) {
    // The refresh of any process makes the row that is behind follow the one that is ahead.
    await migration.refresh().catch(() => undefined)
    const found = await migration.sides[other].fence.read().catch(() => undefined)
    if (found !== undefined && found.row.epoch >= epoch) return undefined
    if (migration.now() >= until)
      return `The fence of ${other} has not followed yet: it does, through any live process, as soon as it can.`
    await migration.sleep(LOOK_MS)
  }
}
