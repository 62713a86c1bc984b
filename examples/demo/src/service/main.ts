import type { AddressInfo } from 'node:net'
import { createMirror } from '@twinspan/dual-write'
import { createRouter, guardRouter } from '@twinspan/router'
import { childOf } from '../process/child.ts'
import { TargetPlaces } from '../target/places.ts'
import { openTarget } from '../target/schema.ts'
import { createLogin } from '../twin/login.ts'
import { openTwin, type Stores } from '../twin/migration.ts'
import { twinRepositories } from '../twin/repositories.ts'
import { buildApp } from './app.ts'
import { countEvents } from './counters.ts'
import { type Fault, FaultyPlaces } from './fault.ts'
import { createTokens } from './token.ts'

/** One instance of the service. Several run at once, on the same two databases. */
export interface ServiceInput extends Stores {
  readonly secret: string
}

const parent = childOf<ServiceInput>()
const { secret, ...stores } = parent.input

const twin = openTwin(stores)
const { migration } = twin
// For requests. What the mirror does goes over connections of its own.
const targetDb = openTarget(stores.targetUrl, { max: 4, queryTimeoutMs: 8_000 })
const router = createRouter(migration, { unit: 'visitor', refreshMs: 250, leaseMs: 5_000 })
const mirror = createMirror(migration, { pollMs: 100, firstPauseMs: 200, longestPauseMs: 1_000, timeoutMs: 3_000 })
const targetPlaces = new FaultyPlaces(new TargetPlaces(targetDb))
const counters = countEvents(migration.events)
// Minutes of a real rollout are seconds here: how long a step settles, how often one visitor's trouble counts.
guardRouter(migration, router, { tickMs: 250, settleMs: 500, oncePerMs: 1_000, latency: { slackMs: 1_000 } })

// Serves without the target: legacy alone is enough to begin with.
await migration.start()
await router.start()
mirror.start()

const app = buildApp({
  ...twinRepositories(twin, targetDb, targetPlaces, router),
  tokens: createTokens(secret),
  login: createLogin(twin.legacyDb, targetDb, migration.events),
  unitOfWork: (visitor, work) => migration.run(work, visitor === undefined ? {} : { unit: visitor }),
  status: () => ({ ...migration.snapshot, rollout: router.status() }),
})
await app.listen({ host: '127.0.0.1', port: 0 })

parent.answer('counters', counters)
parent.answer('fault', (fault: Fault) => {
  targetPlaces.fault = fault
})
parent.onStop(async () => {
  await app.close()
  await twin.close()
  await targetDb.destroy()
})
parent.ready({ url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}` })
