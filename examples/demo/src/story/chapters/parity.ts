import { reconcile } from '@twinspan/reconcile'
import { count } from '../format.ts'
import { type Stage, step } from '../stage.ts'

/** Every row of both databases is compared while the users go on writing. */
export async function parity(stage: Stage): Promise<void> {
  const { screen, twin, migration } = stage
  screen.phase('parity', 'every row of both sides is compared, under traffic')
  await step(stage, 'full sweep', async () => {
    for (const entity of [twin.users, twin.places]) {
      const bar = screen.progress(`sweep of ${entity.name}`, (await entity.legacy.count?.())?.rows ?? 0)
      const end = migration.events.on('compared', (event) => {
        if (event.entity === entity.name) bar.update(event.compared)
      })
      let findings = 0
      for await (const _finding of reconcile.sweep(migration, entity, { repair: true, maxPrimaryLoad: 1 })) findings++
      end()
      bar.done(`${count(findings)} differences`, findings === 0 ? 'good' : 'fault')
    }
    const sample = await reconcile.sample(migration, twin.places, { size: stage.options.quick ? 3_000 : 30_000 })
    screen.event(
      `a sample of ${count(sample.compared)} places: ${count(sample.mismatched)} differ; parity is at least ${(sample.lowerBound95 * 100).toFixed(3)} % at 95 % confidence`,
      sample.mismatched === 0 ? 'good' : 'bad',
    )
  })
}
