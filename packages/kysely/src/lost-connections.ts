/** The part of a `pg` pool that is used. */
export interface PoolLike {
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'connect', listener: (client: ClientLike) => void): unknown
}

export interface ClientLike {
  on(event: 'error', listener: (error: Error) => void): unknown
  query(...args: never): unknown
  end(): Promise<void>
}

/**
 * Makes a `pg` pool safe to lose connections: the process stays alive, and a connection on which a query was given up is
 * never used again.
 *
 * A server that restarts, a load balancer that gives up or a session that is ended because its process slept makes `pg`
 * emit `error`, and an `error` event without a listener ends a Node process. `pool.on('error')` alone covers idle
 * connections, not those in use. The query in flight, or the next one, still fails as it would.
 *
 * With `query_timeout`, `pg` stops waiting for an answer and hands the connection back, while the server may still carry
 * the query out. A `begin` that was given up so leaves a transaction open, into which the next user of the connection
 * would write, and which nobody commits: an acknowledged write would be lost. Such a connection is ended.
 *
 * @example
 * new PostgresDialect({ pool: surviveLostConnections(new Pool({ connectionString })) })
 *
 * @param lost hears of every connection that was lost; nothing by default
 */
export function surviveLostConnections<Pool extends PoolLike>(
  pool: Pool,
  lost: (error: Error) => void = () => {},
): Pool {
  pool.on('error', lost)
  // Whoever takes a connection out of the pool takes it away from the pool's own listener.
  pool.on('connect', (client) => {
    client.on('error', lost)
    endWhenGivenUp(client)
  })
  return pool
}

function endWhenGivenUp(client: ClientLike): void {
  const query = client.query.bind(client) as (...args: unknown[]) => unknown
  const watched = (...args: unknown[]): unknown => {
    const result = query(...args)
    if (result instanceof Promise) {
      result.catch((error: unknown) => {
        // The driver has no code for it.
        if (error instanceof Error && error.message === 'Query read timeout') void client.end().catch(() => {})
      })
    }
    return result
  }
  client.query = watched as ClientLike['query']
}
