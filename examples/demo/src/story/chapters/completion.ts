import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { openLegacyFile } from '../../legacy/schema.ts'
import { count } from '../format.ts'
import { ACTOR, type Stage, step, watch } from '../stage.ts'

/** Legacy is frozen, archived and left standing. */
export async function completion(stage: Stage): Promise<void> {
  const { screen, cutover, paths } = stage
  screen.phase('complete', 'legacy refuses every write and is kept; the archive is read back')
  await step(stage, 'freeze', async () => {
    stage.frozenAt = Date.now()
    await cutover.advance({ to: 'complete', actor: ACTOR, reason: 'the target has proven itself' })
    screen.event('capture and mirror are off, legacy is frozen')
    refuseScript(paths.legacy)
    screen.event('a script that still writes to legacy is refused', 'good')
  })
  await step(stage, 'archive', async () => {
    await cutover.archive({ to: paths.archive })
    const bytes = readdirSync(paths.archive).reduce((sum, name) => sum + statSync(join(paths.archive, name)).size, 0)
    const verified = await cutover.verifyArchive(paths.archive, { compare: true })
    if (!verified.ok) throw new Error(`The archive is not what legacy holds: ${verified.problems.join(' ')}`)
    screen.event(
      `${count(verified.rows)} rows archived in ${(bytes / 1e6).toFixed(1)} MB, read back, the same as in legacy`,
      'good',
    )
    await watch(stage, 1_000)
  })
}

/** @throws Error when a write from outside gets through. */
function refuseScript(file: string): void {
  const database = openLegacyFile(file)
  try {
    database.prepare('update gazetteer set popul = 0').run()
  } catch (error) {
    if ((error as { code?: string }).code?.startsWith('SQLITE_CONSTRAINT')) return
    throw error
  } finally {
    database.close()
  }
  throw new Error('Legacy is not frozen: a script could write to it.')
}
