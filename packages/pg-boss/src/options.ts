import type { Entity } from '@twinspan/core'

/** The part of an entity's history that one job is for, as `backfill` takes it. */
export interface Share {
  readonly shards: number
  /** Counted from 0. */
  readonly shard: number
  /** Aborted when the job is another worker's, or this process stops. */
  readonly signal: AbortSignal
}

/** The part of a sweep that one job is for, as `reconcile.sweepShards` takes it. */
export interface SweepShare extends Share {
  /** Which sweep of the entity it is a part of, counted from 1. */
  readonly sweep: number
}

export interface BossJobsOptions {
  /**
   * Copies a share of the history of an entity: `(entity, share) => backfill(migration, entity, share)`, with options of your own.
   * Without it, this process works on no backfill.
   */
  readonly backfill?: (entity: Entity, share: Share) => AsyncIterable<unknown>
  /**
   * Sweeps a share of an entity: `(entity, share) => reconcile.sweepShards(migration, entity, share)`, with options of your own.
   * Without it, this process sweeps nothing.
   */
  readonly sweep?: (entity: Entity, share: SweepShare) => AsyncIterable<unknown>
  /**
   * How the names of the two queues begin. pg-boss takes letters, digits, `_`, `-`, `.` and `/`.
   *
   * @default `twinspan/` and the migration's name
   */
  readonly queue?: string
  /**
   * How long a worker may be silent before pg-boss gives its job to another one, at least 10. pg-boss looks for silent workers
   * every `superviseIntervalSeconds` of its own. Taken over when the queues are made for the first time.
   *
   * @default 30
   */
  readonly heartbeatSeconds?: number
  /**
   * How long a job that could not be done waits for its next try: another worker has it still, a database is away, the process
   * stopped. Doubled with every try, up to a minute. Taken over when the queues are made for the first time.
   *
   * @default 5
   */
  readonly retryDelaySeconds?: number
}

export interface EnqueueOptions {
  /** @default all of the migration */
  readonly entities?: readonly Entity[]
  /**
   * In how many jobs the keys of each entity are cut.
   *
   * @default 16
   */
  readonly shards?: number
}

export interface BossWorkOptions {
  /**
   * How many jobs of each kind this process works on at a time. Each takes its own share of legacy's time (`maxLegacyLoad`).
   *
   * @default 1
   */
  readonly concurrency?: number
  /**
   * How often pg-boss asks for jobs, in seconds, at least 0.5.
   *
   * @default 2
   */
  readonly pollingIntervalSeconds?: number
}
