export type Kind = 'backfill' | 'sweep'

/** The data of a job. A sweep has one share. */
export interface Task {
  readonly entity: string
  readonly shards: number
  readonly shard: number
}

/** Two jobs of one queue with the same key are the same work. */
export function keyOfTask({ entity, shard, shards }: Task): string {
  return `${entity}#${shard}/${shards}`
}

/** The data of a job of ours; `undefined` where somebody else sent it. */
export function taskOf(data: unknown): Task | undefined {
  const { entity, shards, shard } = (data ?? {}) as Partial<Record<keyof Task, unknown>>
  if (typeof entity !== 'string' || !isCount(shards) || !isCount(shard) || shard >= shards) return undefined
  return { entity, shards, shard }
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0
}
