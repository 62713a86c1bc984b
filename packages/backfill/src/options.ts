import { InvalidOptionError, numberOption } from '@twinspan/core'

export interface BackfillOptions {
  /**
   * How long a chunk (read, translate, insert, compare) should take. The number of rows in a chunk is steered to it.
   *
   * @default 250
   */
  readonly chunkTargetMs?: number
  /**
   * The share of the wall time, above 0 and up to 1, in which legacy may be busy with this backfill. It rests for the
   * remainder; when legacy becomes slower, so does the backfill, within one chunk.
   *
   * @default 0.5
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
export type LiveOptions = Pick<BackfillOptions, 'chunkTargetMs' | 'maxLegacyLoad' | 'maxChunkRows'>

export type Settings = Required<Omit<BackfillOptions, 'health' | 'signal' | 'findingSecret' | 'shard'>> &
  Pick<BackfillOptions, 'health' | 'findingSecret' | 'shard'> & { readonly signal: AbortSignal }

/** The options with their defaults. Throws an `InvalidOptionError` that names the option. */
export function settingsOf(options: BackfillOptions): Settings {
  if (options.health !== undefined && typeof options.health !== 'function') {
    throw new InvalidOptionError('health', options.health, 'a function')
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
    healthTimeoutMs: numberOption('healthTimeoutMs', options.healthTimeoutMs, 1_000, { min: 1 }),
    errorBudget: numberOption('errorBudget', options.errorBudget, 100, { min: 0, integer: true }),
    patienceMs: numberOption('patienceMs', options.patienceMs, 300_000, { min: 0 }),
    claimMs: numberOption('claimMs', options.claimMs, 15_000, { min: 300 }),
    restart: options.restart ?? false,
    thorough: options.thorough ?? false,
    dryRun: options.dryRun ?? false,
    signal: options.signal ?? new AbortController().signal,
    ...(options.health === undefined ? {} : { health: options.health }),
    ...(options.findingSecret === undefined ? {} : { findingSecret: options.findingSecret }),
  }
}

export function liveSettingsOf(options: LiveOptions): Required<LiveOptions> {
  return {
    chunkTargetMs: numberOption('chunkTargetMs', options.chunkTargetMs, 250, { min: 1 }),
    maxLegacyLoad: numberOption('maxLegacyLoad', options.maxLegacyLoad, 0.5, { min: 0.001, max: 1 }),
    maxChunkRows: numberOption('maxChunkRows', options.maxChunkRows, 10_000, { min: 1, integer: true }),
  }
}
