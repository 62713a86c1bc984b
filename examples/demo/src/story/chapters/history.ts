import type { BackfillEvent, BackfillInput } from '../../backfill/worker.ts'
import { Process } from '../../process/start.ts'
import type { Stores } from '../../twin/migration.ts'
import { count, seconds } from '../format.ts'
import { type Stage, step } from '../stage.ts'
import { drained } from './capture.ts'

const WORKER = new URL('../../backfill/worker.ts', import.meta.url)

/** The rows that nobody writes are copied by a worker, which dies half-way without a word. */
export async function history(stage: Stage, stores: Stores): Promise<void> {
  const { screen } = stage
  await step(stage, 'backfill', async () => {
    const began = performance.now()
    let killed: BackfillEvent | undefined
    let last: BackfillEvent | undefined
    let bar: ReturnType<typeof screen.progress> | undefined
    const half = Promise.withResolvers<BackfillEvent>()
    const onEvent = (event: unknown): void => {
      const progress = event as BackfillEvent
      if (progress.entity !== 'places') return
      bar ??= screen.progress('backfill', progress.totalRows)
      bar.update(progress.rows, killed === undefined ? '' : 'resumed')
      last = progress
      if (progress.rows * 2 > progress.totalRows) half.resolve(progress)
    }
    const start = (): Promise<Process> =>
      Process.start({
        name: 'backfill worker',
        script: WORKER,
        input: { ...stores, maxLegacyLoad: 0.5 } satisfies BackfillInput,
        log: stage.paths.log('backfill'),
        onEvent,
      })

    const first = await start()
    const doomed = first.call('copy').catch(() => {})
    const at = await half.promise
    killed = at
    await first.kill()
    await doomed
    stage.kills.push('backfill worker')
    screen.event(
      `backfill worker (pid ${first.pid}) killed with SIGKILL at ${count(at.rows)} of ${count(at.totalRows)} rows`,
      'fault',
    )

    const second = await start()
    screen.event(`another worker (pid ${second.pid}) goes on where the checkpoint is`)
    await second.call('copy')
    await second.stop()
    const marked = last?.marked ?? 0
    const copied = last?.rows ?? 0
    bar?.done(
      `${count(copied)} places in ${seconds((performance.now() - began) / 1000)}, ${count(marked)} handed to the mirror`,
    )
    await drained(stage)
  })
}
