import { backfill } from '@twinspan/backfill'
import { reconcile } from '@twinspan/reconcile'
import type { Service } from './service.ts'

const BY = { actor: 'operator', reason: 'the example' }

/** To the canary, with everything copied and compared. */
export async function toCanary({ migration, users, router }: Service, tell: (what: string) => void): Promise<void> {
  for (const to of ['capture', 'dual-write'] as const) {
    await migration.advance({ to, ...BY })
    tell(to)
  }
  for await (const { rows, done } of backfill(migration, users)) if (done) tell(`backfill: ${rows} rows`)
  const sweep = reconcile.sweep(migration, users)
  for (let step = await sweep.next(); ; step = await sweep.next()) {
    if (step.done !== true) continue
    tell(`sweep: ${step.value.rows} rows, ${step.value.drift} drifted`)
    break
  }
  for (const to of ['shadow', 'canary'] as const) {
    await migration.advance({ to, ...BY })
    tell(to)
  }
  await router.setPercent('25', BY)
  tell('25 % of the members read from target')
}
