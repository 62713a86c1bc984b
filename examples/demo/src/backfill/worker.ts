import { setTimeout as sleep } from 'node:timers/promises'
import { backfill } from '@twinspan/backfill'
import { JobClaimedError } from '@twinspan/core'
import { childOf } from '../process/child.ts'
import { openTwin, type Stores } from '../twin/migration.ts'

/** Copies the history in a process of its own, which may be killed at any moment and started again. */
export interface BackfillInput extends Stores {
  readonly maxLegacyLoad: number
}

/** One after every chunk. */
export interface BackfillEvent {
  readonly entity: string
  readonly rows: number
  readonly totalRows: number
  readonly inserted: number
  readonly marked: number
}

const RETRY_MS = 250

const parent = childOf<BackfillInput>()
const { maxLegacyLoad, ...stores } = parent.input
const twin = openTwin(stores)
console.log(new Date().toISOString(), 'process', process.pid)
await twin.migration.start()
console.log(new Date().toISOString(), 'migration started')
parent.ready()
parent.onStop(() => twin.close())

/** Resolves when everything is copied. */
parent.answer('copy', async () => {
  for (const entity of [twin.users, twin.places]) {
    for (let done = false; !done; ) {
      try {
        for await (const progress of backfill(twin.migration, entity, {
          chunkTargetMs: 1_000,
          maxChunkRows: 4_000,
          maxLegacyLoad,
          claimMs: 2_400,
        })) {
          const { rows, totalRows, inserted, marked } = progress
          console.log(new Date().toISOString(), JSON.stringify(progress))
          parent.tell({ entity: entity.name, rows, totalRows, inserted, marked } satisfies BackfillEvent)
          done = progress.done
        }
      } catch (error) {
        // The claim of a worker that was killed runs out by itself.
        if (!(error instanceof JobClaimedError)) throw error
        await sleep(RETRY_MS)
      }
    }
  }
})
