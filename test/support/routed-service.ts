/**
 * A process of a service whose reads go by a router: `node routed-service.ts <url> <listen or look> <lease in ms>
 * <refresh in ms>`. It looks at its decision at every news and every few milliseconds, says when it changes, and does what its
 * parent says.
 */
import { createMigration, defineEntity, PHASES } from '@twinspan/core'
import { kyselySide, surviveLostConnections } from '@twinspan/kysely'
import { createRouter } from '@twinspan/router'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'

/** What the parent says. */
export type RoutedOrder = 'set-up' | 'target' | 'kill' | 'rearm' | 'stop'

/** What the process says. */
export type RoutedNews =
  | { readonly type: 'ready' }
  | { readonly type: 'done'; readonly order: RoutedOrder; readonly at: number }
  /** `at`: when, in milliseconds since 1970. */
  | { readonly type: 'side'; readonly side: 'legacy' | 'target'; readonly reason: string; readonly at: number }

/** For what no event tells: that what is known has grown too old. */
const LOOK_MS = 20
const by = { actor: 'test', reason: 'propagation' }

const [connectionString = '', mode = 'listen', leaseMs = '10000', refreshMs = '1000'] = process.argv.slice(2)
const pool = new pg.Pool({ connectionString, max: 2, connectionTimeoutMillis: 2_000, query_timeout: 4_000 })
const db = new Kysely<{ things: { id: number } }>({
  dialect: new PostgresDialect({ pool: surviveLostConnections(pool) }),
})
const listen = (): pg.Client => new pg.Client({ connectionString, connectionTimeoutMillis: 2_000, keepAlive: true })
// One database is both sides: what is measured is how fast the rollout travels.
const side = kyselySide(db, mode === 'listen' ? { listen } : {})
const things = defineEntity({
  name: 'things',
  legacy: side.table('things', { key: 'id' }),
  target: side.table('things', { key: 'id' }),
  toTarget: (row) => row,
  toLegacy: (row) => row,
})
const migration = createMigration({
  name: 'things-move',
  legacy: side,
  target: side,
  capture: 'transaction',
  entities: [things],
  leaseMs: Number(leaseMs),
})
const router = createRouter(migration, {
  unit: 'user',
  steps: [100],
  leaseMs: Number(leaseMs),
  refreshMs: Number(refreshMs),
})

const ORDERS: Readonly<Record<RoutedOrder, () => Promise<unknown>>> = {
  async 'set-up'() {
    for (const to of PHASES.slice(1, PHASES.indexOf('canary') + 1)) await migration.advance({ to, ...by })
  },
  target: () => router.setPercent(100, by),
  kill: () => router.kill(by),
  rearm: () => router.rearm(by),
  async stop() {
    clearInterval(looking)
    await migration.stop()
    await db.destroy()
    process.disconnect()
  },
}

let last = ''
function look(): void {
  const { side: now, reason } = router.decide('user-1')
  if (`${now} ${reason}` === last) return
  last = `${now} ${reason}`
  tell({ type: 'side', side: now, reason, at: Date.now() })
}

function tell(news: RoutedNews): void {
  process.send?.(news)
}

process.on('disconnect', () => process.exit(0))
process.on('message', (order: RoutedOrder) => {
  const at = Date.now()
  void ORDERS[order]().then(() => {
    if (process.connected) tell({ type: 'done', order, at })
  })
})

await migration.start()
await router.start()
migration.events.on('rollout', look)
const looking = setInterval(look, LOOK_MS)
tell({ type: 'ready' })
