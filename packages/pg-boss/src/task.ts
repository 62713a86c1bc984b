export type Kind = 'backfill' | 'sweep'

/** The data of a job. */
export interface Task {
  readonly entity: string
  readonly shards: number
  readonly shard: number
  /** Of a sweep: which one it is for, counted from 1. */
  readonly sweep?: number
}

/** Two jobs of one queue with the same key are the same work. */
export function keyOfTask({ entity, shard, shards, sweep }: Task): string {
  return `${entity}#${shard}/${shards}${sweep === undefined ? '' : `@${sweep}`}`
}

/** The data of a job of ours; `undefined` where somebody else sent it. */
export function taskOf(data: unknown): Task | undefined {
  const { entity, shards, shard, sweep } = (data ?? {}) as Partial<Record<keyof Task, unknown>>
  if (typeof entity !== 'string' || !isCount(shards) || !isCount(shard) || shard >= shards) return undefined
  if (sweep === undefined) return { entity, shards, shard }
  return isCount(sweep) && sweep > 0 ? { entity, shards, shard, sweep } : undefined
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0
}
