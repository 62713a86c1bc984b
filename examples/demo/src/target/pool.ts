import { surviveLostConnections } from '@twinspan/kysely'
import pg from 'pg'

export interface PoolOptions {
  readonly max: number
  readonly queryTimeoutMs: number
}

/** A pool that gives up on a target that hangs, and survives one that dies. */
export function openTargetPool(url: string, options: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: options.max,
    connectionTimeoutMillis: 4_000,
    query_timeout: options.queryTimeoutMs,
  })
  return surviveLostConnections(pool)
}
