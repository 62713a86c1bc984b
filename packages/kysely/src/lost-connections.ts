/** The part of a `pg` pool that is used. */
export interface PoolLike {
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'connect', listener: (client: ClientLike) => void): unknown
}

export interface ClientLike {
  on(event: 'error', listener: (error: Error) => void): unknown
}

/**
 * Keeps the process alive when a connection of a `pg` pool is lost.
 *
 * A server that restarts, a load balancer that gives up or a session that is ended because its process slept makes `pg`
 * emit `error`, and an `error` event without a listener ends a Node process. `pool.on('error')` alone covers idle
 * connections, not those in use. The query in flight, or the next one, still fails as it would.
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
  })
  return pool
}
