import { type Key, scanKeys } from '@twinspan/core'
import type { Job } from '../job.ts'
import { beginLoopLag } from './loop-lag.ts'

/** What a point read of legacy took. */
export interface ProbeReading {
  /** Milliseconds until there was a connection to read on; `null` where legacy's side cannot tell the two apart. */
  readonly waitMs: number | null
  /** Milliseconds of the read itself. Without those in which this process was busy with something else when the answer came. */
  readonly readMs: number
}

/**
 * Reads one row of legacy by its key, as its users do.
 *
 * @param key `null` while none is known: reads the first key instead
 * @param isAwaited asked when there is a connection: a read that nobody waits for any more is not made
 */
export async function probeLegacy(
  { migration, entity }: Pick<Job, 'migration' | 'entity'>,
  key: Key | null,
  now: () => number,
  isAwaited: () => boolean,
): Promise<ProbeReading> {
  const { legacy } = migration.sides
  const asked = now()
  let connectedAt = asked
  const read = async (connection?: unknown): Promise<void> => {
    connectedAt = now()
    if (!isAwaited()) return
    const options = connection === undefined ? {} : { transaction: connection }
    const found: unknown =
      key === null ? await scanKeys(entity, 'legacy', { limit: 1 }, options) : await entity.legacy.load([key], options)
    if (!Array.isArray(found)) throw new TypeError(`legacy "${entity.name}" answers a point read with ${typeof found}`)
  }
  let end = asked
  let busyMs = 0
  const lag = beginLoopLag(1)
  try {
    await (legacy.onConnection?.(read) ?? read())
    end = now()
  } finally {
    busyMs = lag.longest()
    lag.end()
  }
  return {
    waitMs: legacy.onConnection === undefined ? null : connectedAt - asked,
    readMs: Math.max(0, end - connectedAt - busyMs),
  }
}
