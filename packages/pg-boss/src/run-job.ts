import {
  backfillDocument,
  type Entity,
  ErrorBudgetError,
  InvalidOptionError,
  type Migration,
  PhaseRefusedError,
  readBackfillDocument,
  readBackfillShards,
  redact,
} from '@twinspan/core'
import type { BossJob, JobOutcome } from './boss-like.ts'
import { type Task, taskOf } from './task.ts'
import type { Work } from './work-on.ts'

/** Trying again does not help before somebody has done something. */
const FINAL = [ErrorBudgetError, InvalidOptionError, PhaseRefusedError]

/**
 * Works on one job. Never throws: pg-boss would store the error with its message, and drivers put the row's values into
 * messages.
 */
export async function runJob(work: Work, { id, data }: BossJob, signal: AbortSignal): Promise<JobOutcome> {
  try {
    const done = await runTask(work, taskOf(data), signal)
    return done ? { id, status: 'completed' } : { id, status: 'failed', output: { reason: 'not done yet' } }
  } catch (error) {
    const isFinal = FINAL.some((kind) => error instanceof kind)
    return { id, status: isFinal ? 'deadletter' : 'failed', output: { reason: redact(error) } }
  }
}

async function runTask(
  { migration, options, kind }: Work,
  task: Task | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  // A process of another version may know it.
  const entity = migration.entities.find(({ name }) => name === task?.entity)
  if (task === undefined || entity === undefined) return false
  const { shards, shard, sweep } = task
  if (kind === 'sweep') {
    if (options.sweep === undefined || sweep === undefined) return false
    await toTheEnd(options.sweep(entity, { shards, shard, sweep, signal }))
    return !signal.aborted
  }
  if (options.backfill !== undefined) await toTheEnd(options.backfill(entity, { shards, shard, signal }))
  return isCopied(migration, entity, task)
}

async function toTheEnd(steps: AsyncIterable<unknown>): Promise<void> {
  for await (const step of steps) void step
}

/**
 * Whether nothing is left to do for this share, as the store knows it. When all shards are copied, somebody has yet to end the
 * backfill, and may die before it has.
 */
async function isCopied({ store }: Migration, { name }: Entity, { shards, shard }: Task): Promise<boolean> {
  const main = await readBackfillDocument(store, backfillDocument(name))
  if (main === undefined) return false
  if (main.record.done) return true
  if (main.record.bounds === undefined) return false
  const copied = (await readBackfillShards(store, main.record)).map((record) => record?.scanned === true)
  return !copied.every(Boolean) && copied.every((one, index) => one || index % shards !== shard)
}
