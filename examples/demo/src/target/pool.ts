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
  pool.on('connect', endAfterTimeout)
  return surviveLostConnections(pool)
}

/**
 * Ends a connection on which a query was given up. The server may still carry it out: a `begin` that was given up leaves
 * a transaction open, and whoever got the connection from the pool next would write into that one, and lose it.
 */
function endAfterTimeout(client: pg.PoolClient): void {
  const query = client.query.bind(client) as (...args: unknown[]) => unknown
  const watched = (...args: unknown[]): unknown => {
    const result = query(...args)
    if (result instanceof Promise) result.catch(endIfGivenUp)
    return result
  }
  const endIfGivenUp = (error: unknown): void => {
    if (error instanceof Error && error.message === 'Query read timeout') {
      void (client as unknown as pg.Client).end().catch(() => {})
    }
  }
  client.query = watched as pg.PoolClient['query']
}
