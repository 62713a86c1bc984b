import {
  type BackfillRecord,
  backfillDocument,
  JobClaimedError,
  type Key,
  readBackfillDocument,
  readBackfillShards,
  withShards,
} from '@twinspan/core'
import type { Job } from '../job.ts'
import { reach } from '../reach.ts'

/** The shards that the keys of legacy are cut in. */
export interface Layout {
  readonly id: string
  /** The last key of each shard but the last one. */
  readonly bounds: readonly Key[]
}

/** What the workers of a layout have reached together. */
export interface Together {
  readonly record: BackfillRecord
  /** The entity's record as it is stored. */
  readonly main: BackfillRecord
  /** In the order of their keys; none once everything is done. */
  readonly shards: readonly (BackfillRecord | undefined)[]
}

/** @throws JobClaimedError when somebody has begun anew */
export async function lookTogether({ migration, entity }: Job, layout: Layout): Promise<Together> {
  return reach('store', async () => {
    const name = backfillDocument(entity.name)
    const main = (await readBackfillDocument(migration.store, name))?.record
    if (main?.done === true) return { record: main, main, shards: [] }
    if (main?.layout !== layout.id) throw new JobClaimedError(name)
    const shards = await readBackfillShards(migration.store, main)
    return { record: withShards(main, shards), main, shards }
  })
}
