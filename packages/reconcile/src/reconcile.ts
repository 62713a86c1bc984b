import { resweep } from './resweep.ts'
import { sample } from './sample/sample.ts'
import { sweepShards } from './shards/sweep-shards.ts'
import { sweep } from './sweep.ts'
import { watch } from './watch.ts'

/** Compares both stores of an entity while they are in use. */
export interface Reconcile {
  readonly sample: typeof sample
  readonly sweep: typeof sweep
  readonly sweepShards: typeof sweepShards
  readonly resweep: typeof resweep
  readonly watch: typeof watch
}

export const reconcile: Reconcile = { sample, sweep, sweepShards, resweep, watch }
