import {
  type Entity,
  InvalidOptionError,
  JobClaimedError,
  type Json,
  type Key,
  type Migration,
  numberOption,
  readSweepLayout,
  readSweepShards,
  type StoredSweepLayout,
  type SweepLayout,
  type SweepRecord,
  type SweepShardRecord,
  sweepDocument,
  sweepLayoutToJson,
  sweepShardDocument,
  sweepShardsDocument,
} from '@twinspan/core'
import { begin, type Comparison } from '../comparison.ts'
import type { Finding } from '../drift/finding.ts'
import { forgetOthers } from '../drift/findings.ts'
import { remarksOf } from '../notes.ts'
import type { CompareSettings } from '../options.ts'
import { pause } from '../pause.ts'
import {
  announce,
  type Compared,
  compareAll,
  recordOf,
  type SweepOptions,
  settingsOfSweep,
  type Work,
} from '../sweep.ts'
import { boundedBy } from './bounded.ts'
import { takeClaim } from './claim.ts'
import { combine, combineNotes } from './combine.ts'
import { type Asked, layOut } from './sweep-layout.ts'

export interface SweepShardsOptions extends Omit<SweepOptions, 'raw' | 'trackChanges'> {
  /**
   * In how many parts the keys are cut, with about as many rows of the primary each. It counts for the worker that comes first. A
   * worker that dies costs the part it was at.
   *
   * @default 16
   */
  readonly shards?: number
  /**
   * Which of the `shards` this worker is for, counted from 0: it sweeps every `shards`th part beginning with this one and nothing
   * else. For schedulers that make one job of each.
   *
   * @default any that is free
   */
  readonly shard?: number
  /**
   * Which sweep this worker is for, as `nextSweep` of `@twinspan/core` counts them: when that one has ended, there is nothing to do.
   *
   * @default the one that is under way, else a new one
   */
  readonly sweep?: number
  /**
   * How long the claim on a part outlives a worker that died.
   *
   * @default 15_000
   */
  readonly claimMs?: number
}

/** How often a worker looks whether a shard of another one has become free. */
const LOOK_MS = 1_000

interface Job {
  readonly migration: Migration
  readonly entity: Entity
  readonly settings: CompareSettings
  readonly work: Work
  readonly asked: Asked
  readonly shard: number | undefined
}

/**
 * Takes part in a sweep that several workers share, in this process or in others. Yields each key that drifted in the shards that
 * this worker sweeps.
 *
 * The worker that finds all shards swept puts them together, returns the record of the whole, and stores it for the gates of the
 * switch. The others return `undefined`.
 *
 * @throws what `sweep` throws; JobClaimedError while another worker has the `shard` that was asked for
 */
export function sweepShards(
  migration: Migration,
  entity: Entity,
  options: SweepShardsOptions = {},
): AsyncGenerator<Finding, SweepRecord | undefined> {
  const { settings, work } = settingsOfSweep(migration, entity, options)
  const shards = numberOption('shards', options.shards, 16, { min: 1, max: 10_000, integer: true })
  const claimMs = numberOption('claimMs', options.claimMs, 15_000, { min: 300 })
  const shard = numberOption('shard', options.shard, 0, { min: 0, max: shards - 1, integer: true })
  const sweep = numberOption('sweep', options.sweep, 1, { min: 1, integer: true })
  for (const name of ['raw', 'trackChanges'] as const) {
    if ((options as SweepOptions)[name] !== undefined) {
      throw new InvalidOptionError(name, (options as SweepOptions)[name], 'nothing here; `sweep` takes it')
    }
  }
  const asked = { shards, claimMs, sweep: options.sweep === undefined ? undefined : sweep }
  return run({ migration, entity, settings, work, asked, shard: options.shard === undefined ? undefined : shard })
}

async function* run(job: Job): AsyncGenerator<Finding, SweepRecord | undefined> {
  const { migration, entity, settings, shard } = job
  const comparison = begin(migration, entity, settings)
  for (let asked = job.asked; ; ) {
    const joined = await layOut(comparison, asked)
    if (joined === undefined) return undefined
    const { layout } = joined
    // With this one it leaves, whatever it came for.
    asked = { ...asked, sweep: layout.sweep }
    const swept = await readSweepShards(migration.store, layout)
    if (swept.every((record) => record !== undefined)) {
      const ended = await end(comparison, joined, swept, asked.claimMs)
      if (ended !== undefined) return ended
      // Where each worker has a job of its own, the one that ends the sweep is started again if it dies.
      if (shard !== undefined) throw new JobClaimedError(sweepShardsDocument(entity.name))
    } else {
      const open = [...swept.keys()].filter((index) => swept[index] === undefined)
      const left = open.filter((index) => shard === undefined || index % asked.shards === shard)
      if (left.length === 0) return undefined
      let done = 0
      for (const index of left) if (yield* sweepShard(job, layout, index)) done++
      if (done > 0) continue
      if (shard !== undefined) throw new JobClaimedError(sweepShardDocument(entity.name, left[0] ?? 0))
    }
    await pause(comparison, LOOK_MS)
  }
}

/** Sweeps one shard from its first key on. `false` where another worker has it, or took it over meanwhile. */
async function* sweepShard(
  { migration, entity, settings, work, asked }: Job,
  layout: SweepLayout,
  index: number,
): AsyncGenerator<Finding, boolean> {
  const name = sweepShardDocument(entity.name, index)
  const claim = await takeClaim(migration, name, asked.claimMs)
  if (claim === undefined) return false
  const signal = AbortSignal.any([claim.lost, ...(settings.signal === undefined ? [] : [settings.signal])])
  try {
    const document = await migration.store.getDocument(name)
    if ((document?.value as SweepShardRecord | null | undefined)?.layout === layout.layout) return true
    const comparison = begin(migration, boundedBy(entity, layout.bounds[index]), { ...settings, signal })
    const after: Key | undefined = layout.bounds[index - 1]
    const compared = yield* compareAll(comparison, work, after)
    const record = shardRecordOf(comparison, layout, compared)
    await migration.store.putDocument(name, record as unknown as Json, { expected: document?.version ?? 0 })
    return true
  } catch (error) {
    if (claim.lost.aborted && error === claim.lost.reason) return false
    throw error
  } finally {
    await claim.release()
  }
}

function shardRecordOf(
  { migration, notes }: Comparison,
  { layout }: SweepLayout,
  { subjects, patterns, places, ...tally }: Compared,
): SweepShardRecord {
  return {
    layout,
    ...tally,
    subjects: [...subjects],
    ...(tally.drift === 0 ? {} : { patterns, places }),
    ...remarksOf(notes),
    finishedAt: migration.now(),
  }
}

/** Puts the shards together. `undefined` where another worker is at it, or was; a dead one leaves it to the next who looks. */
async function end(
  comparison: Comparison,
  { layout, version }: StoredSweepLayout,
  shards: readonly SweepShardRecord[],
  claimMs: number,
): Promise<SweepRecord | undefined> {
  const { migration, entity } = comparison
  const claim = await takeClaim(migration, sweepShardsDocument(entity.name), claimMs)
  if (claim === undefined) return undefined
  try {
    const now = await readSweepLayout(migration.store, entity.name)
    if (now?.version !== version) return undefined
    const name = sweepDocument(entity.name)
    const before = await migration.store.getDocument(name)
    const compared = combine(shards)
    await forgetOthers(comparison, compared.subjects)
    const whole = { ...comparison, epoch: layout.epoch, notes: combineNotes(shards) }
    const record = recordOf(whole, layout.startedAt, compared)
    // Whoever was frozen past its claim must not put its record over that of a later sweep.
    const expected = before?.version ?? 0
    if (!(await migration.store.putDocument(name, record as unknown as Json, { expected }))) return undefined
    const ended = sweepLayoutToJson({ ...layout, ended: true })
    await migration.store.putDocument(sweepShardsDocument(entity.name), ended, { expected: version })
    announce(comparison, record)
    return record
  } finally {
    await claim.release()
  }
}
