import type { Migration } from '../migration.ts'
import { PHASES, type Phase } from '../phases.ts'

/** Takes a started migration to a phase before the switch, one step after the other, forwards or back. */
export async function walkTo(migration: Migration, to: Phase): Promise<void> {
  await migration.refresh()
  for (;;) {
    const at = PHASES.indexOf(migration.snapshot.phase)
    const goal = PHASES.indexOf(to)
    if (at === goal) return
    const next = PHASES[at + Math.sign(goal - at)] as Phase
    await migration.advance({ to: next, actor: 'test', reason: `on the road to ${to}` })
  }
}
