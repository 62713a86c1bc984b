import type { Router } from '@twinspan/router'
import type { Output } from './output.ts'
import { clean } from './text.ts'

/** What the rollout is after a change. */
export function tellRollout(output: Output, router: Router): void {
  const { phase, percent, killed, steps, epoch } = router.status()
  output.object({ phase, percent, killed, steps, epoch })
  if (killed !== null) {
    output.lines(`${output.paint('bad', 'Killed')} by ${clean(killed.actor)}: everybody reads from legacy.`)
    return
  }
  output.lines(`${output.paint('good', 'Done.')} ${percent} % of the units read from target.`)
  if (phase !== 'canary') output.lines(`In force from canary on; the migration is in ${phase}.`)
}
