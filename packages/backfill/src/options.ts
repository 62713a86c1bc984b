import { InvalidOptionError, type Key, numberOption } from '@twinspan/core'

export interface BackfillOptions {
  /**
   * How long a chunk (read, translate, insert, compare) should take. The number of rows in a chunk is steered to it.
   *
   * @default 50
   */
  readonly chunkTargetMs?: number
  /**
   * The share of the wall time, above 0 and up to 1, in which legacy may be busy with this backfill. It rests for the
   * remainder; when legacy becomes slower, so does the backfill, within one chunk. At 1 several things are done at once as well:
   * the next chunk is read while one is inserted, and both sides compare their keys at the same time.
   *
   * @default 0.05
   */
  readonly maxLegacyLoad?: number
  /**
   * The most rows in a chunk, and so what bounds the memory.
   *
   * @default 10_000
   */
  readonly maxChunkRows?: number
  /**
   * Asked before every chunk; anything but `true` pauses the backfill until it is `true` again. An error, and an answer that
   * takes longer than `healthTimeoutMs`, count as `false`.
   */
  readonly health?: () => boolean | Promise<boolean>
  /** @default 1_000 */
  readonly healthTimeoutMs?: number
  /**
   * How often a row of legacy is read by its key while a chunk is at work and during the rest after it, in milliseconds, to
   * see how the users of legacy fare. Before each chunk one is read in any case. `0`: never, so that neither `maxLegacySlowdown`
   * nor `maxPoolWaitMs` counts.
   *
   * @default 50
   */
  readonly probeEveryMs?: number
  /**
   * How many times what it takes otherwise such a read may take (the 95th percentile of the last 20, at least 1). Above
   * it the pace halves with every chunk, below it a tenth is added. What it takes otherwise is learned before the first chunk and
   * whenever this worker rests; it falls with the reads, and at most doubles in a minute.
   *
   * @default 1.5
   */
  readonly maxLegacySlowdown?: number
  /**
   * By how many milliseconds a read may take longer than otherwise in any case. Reads of less than a millisecond vary by
   * more than half of themselves.
   *
   * @default 5
   */
  readonly legacySlackMs?: number
  /**
   * How long such a read may wait for a connection of the pool that legacy's side works with, in milliseconds (the 95th
   * percentile of the last 20). Above it the pace halves. Only where the side can tell; one of `@twinspan/kysely` can.
   *
   * @default 100
   */
  readonly maxPoolWaitMs?: number
  /**
   * Gives how far legacy's replicas are behind, in milliseconds. Asked before every chunk. Anything but a number of at least 0,
   * an error, and an answer that takes longer than `signalTimeoutMs`, stop the backfill until the next good one.
   *
   * @default none
   * @example
   * async () => Number((await replica.query('select extract(epoch from now() - pg_last_xact_replay_timestamp()) * 1000 as ms')).rows[0].ms)
   */
  readonly replicaLag?: () => number | Promise<number>
  /**
   * What `replicaLag` may give, in milliseconds. Above it the pace halves with every chunk. For a limit that stops the backfill
   * use `health`.
   *
   * @default 2_000
   */
  readonly maxReplicaLagMs?: number
  /**
   * How long the commit of a chunk on the target may take, in milliseconds. Above it the pace halves.
   *
   * @default 500
   */
  readonly maxTargetCommitMs?: number
  /**
   * How long a chunk may keep this process from its timers, in milliseconds: the requests that it serves have to wait so
   * long. Above it the chunks become half as large; the pace stays. `Infinity`: it is not looked at.
   *
   * @default 200
   */
  readonly maxEventLoopLagMs?: number
  /**
   * How long a read of legacy for `maxLegacySlowdown`, and `replicaLag`, may take to answer before the signal counts as lost, in
   * milliseconds. Nothing is copied while one is.
   *
   * @default 1_000
   */
  readonly signalTimeoutMs?: number
  /**
   * How many rows may fail for good. Each becomes a finding and the mirror's business (it parks what it cannot copy either);
   * one more ends the backfill with an `ErrorBudgetError`.
   *
   * @default 100
   */
  readonly errorBudget?: number
  /**
   * How long a side or the store may fail to answer before the error reaches the caller. Until then the backfill pauses and
   * tries again.
   *
   * @default 300_000
   */
  readonly patienceMs?: number
  /**
   * How long the claim on the job outlives a worker that died. Transactions on the target are ended by the server after a
   * third of it.
   *
   * @default 15_000
   */
  readonly claimMs?: number
  /**
   * In how many parts the keys are cut, with about as many rows each, so that workers on several machines share them: each
   * takes a part that is free, copies it, and takes the next one. It counts where no parts were cut yet; those that were are
   * gone on with, however many a worker asks for. What a worker may take of legacy (`maxLegacyLoad`) is per worker.
   *
   * @default 1, a single worker
   */
  readonly shards?: number
  /**
   * Which of the `shards` this worker is for, counted from 0: it copies every `shards`th part beginning with this one and
   * nothing else, and ends when those are copied. For schedulers that make one job of each. The worker that finds all parts
   * copied ends the backfill.
   *
   * @default any that is free
   */
  readonly shard?: number
  /**
   * Starts at the first key although an earlier run got further. Nothing is overwritten. Not while other workers are at it.
   *
   * @default false
   */
  readonly restart?: boolean
  /**
   * Checks every key of the target against its legacy row after the last chunk. It happens by itself when a translation
   * returned `null` or the sides turn out to order keys differently.
   *
   * @default false
   */
  readonly thorough?: boolean
  /**
   * A second pass, between the last chunk and the end: gives keys of legacy, a page at a time, that may have changed in a way that
   * nothing captured, such as a query in descending order of `updated_at` gives them. Each is handed to the mirror, which reads it
   * again. The order says what becomes right first; nothing is believed to be right for not being in it, and only a sweep
   * knows that both sides agree. Begins anew after an error or a crash. With `shards` it is the business of the worker that ends the backfill.
   *
   * @default none
   */
  readonly tail?: (signal: AbortSignal) => AsyncIterable<readonly Key[]>
  /**
   * Tries everything and writes nothing: every row is translated and inserted in transactions that are rolled back, and the
   * progress says by reason how many would fail (`problems`). Allowed from `off` on, so before anything is captured.
   *
   * @default false
   */
  readonly dryRun?: boolean
  /**
   * The HMAC key behind the subjects of findings.
   *
   * @default a random one, made once per migration and kept in its store
   */
  readonly findingSecret?: string | Uint8Array
  /** Ends the iteration after the chunk at work. The next run goes on from there. */
  readonly signal?: AbortSignal
}

/** The options that `backfillControl` can change while workers are at it. */
export type LiveOptions = Pick<
  BackfillOptions,
  | 'chunkTargetMs'
  | 'maxLegacyLoad'
  | 'maxChunkRows'
  | 'maxLegacySlowdown'
  | 'legacySlackMs'
  | 'maxPoolWaitMs'
  | 'maxReplicaLagMs'
  | 'maxTargetCommitMs'
  | 'maxEventLoopLagMs'
>

type Unset = 'health' | 'replicaLag' | 'tail' | 'findingSecret' | 'shard'

export type Settings = Required<Omit<BackfillOptions, Unset | 'signal'>> &
  Pick<BackfillOptions, Unset> & { readonly signal: AbortSignal }

/** The options with their defaults. Throws an `InvalidOptionError` that names the option. */
export function settingsOf(options: BackfillOptions): Settings {
  if (options.health !== undefined && typeof options.health !== 'function') {
    throw new InvalidOptionError('health', options.health, 'a function')
  }
  if (options.replicaLag !== undefined && typeof options.replicaLag !== 'function') {
    throw new InvalidOptionError('replicaLag', options.replicaLag, 'a function that gives milliseconds')
  }
  if (options.tail !== undefined && typeof options.tail !== 'function') {
    throw new InvalidOptionError('tail', options.tail, 'a function that gives pages of keys')
  }
  const shards = numberOption('shards', options.shards, 1, { min: 1, max: 10_000, integer: true })
  const shard = numberOption('shard', options.shard, 0, { min: 0, max: shards - 1, integer: true })
  if (options.shard !== undefined && options.restart === true) {
    throw new InvalidOptionError('restart', true, 'false for a worker of one shard: it would end the others')
  }
  return {
    shards,
    ...(options.shard === undefined ? {} : { shard }),
    ...liveSettingsOf(options),
    probeEveryMs: numberOption('probeEveryMs', options.probeEveryMs, 50, { min: 0 }),
    signalTimeoutMs: numberOption('signalTimeoutMs', options.signalTimeoutMs, 1_000, { min: 1 }),
    healthTimeoutMs: numberOption('healthTimeoutMs', options.healthTimeoutMs, 1_000, { min: 1 }),
    errorBudget: numberOption('errorBudget', options.errorBudget, 100, { min: 0, integer: true }),
    patienceMs: numberOption('patienceMs', options.patienceMs, 300_000, { min: 0 }),
    claimMs: numberOption('claimMs', options.claimMs, 15_000, { min: 300 }),
    restart: options.restart ?? false,
    thorough: options.thorough ?? false,
    dryRun: options.dryRun ?? false,
    signal: options.signal ?? new AbortController().signal,
    ...(options.health === undefined ? {} : { health: options.health }),
    ...(options.tail === undefined ? {} : { tail: options.tail }),
    ...(options.replicaLag === undefined ? {} : { replicaLag: options.replicaLag }),
    ...(options.findingSecret === undefined ? {} : { findingSecret: options.findingSecret }),
  }
}

export function liveSettingsOf(options: LiveOptions): Required<LiveOptions> {
  return {
    chunkTargetMs: numberOption('chunkTargetMs', options.chunkTargetMs, 50, { min: 1 }),
    maxLegacyLoad: numberOption('maxLegacyLoad', options.maxLegacyLoad, 0.05, { min: 0.001, max: 1 }),
    maxChunkRows: numberOption('maxChunkRows', options.maxChunkRows, 10_000, { min: 1, integer: true }),
    maxLegacySlowdown: numberOption('maxLegacySlowdown', options.maxLegacySlowdown, 1.5, { min: 1 }),
    legacySlackMs: numberOption('legacySlackMs', options.legacySlackMs, 5, { min: 0 }),
    maxPoolWaitMs: numberOption('maxPoolWaitMs', options.maxPoolWaitMs, 100, { min: 0 }),
    maxReplicaLagMs: numberOption('maxReplicaLagMs', options.maxReplicaLagMs, 2_000, { min: 0 }),
    maxTargetCommitMs: numberOption('maxTargetCommitMs', options.maxTargetCommitMs, 500, { min: 0 }),
    maxEventLoopLagMs: numberOption('maxEventLoopLagMs', options.maxEventLoopLagMs, 200, { min: 1 }),
  }
}
