/**
 * The process that moves the migration along its road: `node worker.ts <orders>`. It copies history, sweeps, changes the phase
 * and switches the primary there and back, in an order that is told by the seed, until it is stopped or dies of it.
 */
import { backfill } from '@twinspan/backfill'
import { type Phase, type Snapshot, TwinspanError } from '@twinspan/core'
import { createCutover } from '@twinspan/cutover'
import { reconcile } from '@twinspan/reconcile'
import { createPass, FAILPOINT_NAMES, type Failpoint } from './failpoints.ts'
import { type Command, ordersOf, tell } from './messages.ts'
import { between, generator, pick } from './random.ts'
import { openWorld } from './world.ts'

process.on('disconnect', () => process.exit(0))

const orders = ordersOf(process.argv)
const pass = createPass(orders.strike, (at) => tell({ type: 'stopping', at }))
const { migration, things } = openWorld(orders, orders.capture, pass)
const random = generator(orders.seed, 'worker')
const who = { actor: 'chaos', reason: 'a campaign' }
const cutover = createCutover(migration, {
  minParity: 0,
  maxLagMs: 5_000,
  acknowledgeMs: 4_000,
  gateTimeoutMs: 8_000,
  probeRows: 5,
})
let backfilled = orders.backfilled === true
let next: Command | undefined

migration.events.on('switch', ({ step, ok }) => {
  const point = `switch.${step}` as Failpoint
  if (ok && FAILPOINT_NAMES.includes(point)) void pass(point)
})
process.on('message', (command: Command) => {
  if (next !== 'stop') next = command
})

/** Copies on from where the last worker came to, or begins again, and breaks off at some point or comes to the end. */
async function copyHistory({ toTheEnd = false } = {}): Promise<string> {
  let chunks = toTheEnd ? Number.POSITIVE_INFINITY : between(3, 60, random)
  let done = false
  const restart = !toTheEnd && backfilled && random(4) === 0
  const options = { maxChunkRows: toTheEnd ? 5_000 : 200, maxLegacyLoad: 1, claimMs: 2_000, patienceMs: 3_000, restart }
  for await (const progress of backfill(migration, things, options)) {
    done = progress.done
    if (--chunks <= 0 || (next !== undefined && !toTheEnd)) break
  }
  backfilled ||= done
  return done ? 'backfill done' : 'backfill broken off'
}

/** Finds what differs and mends nothing: what a sweep mends, nobody would see lost. */
async function sweep(): Promise<string> {
  for await (const found of reconcile.sweep(migration, things, { recheckMs: [100, 400, 1_500], reveal: 'values' })) {
    if (backfilled) await tell({ type: 'drift', found: JSON.stringify(found) })
  }
  return 'swept'
}

async function switchOver(): Promise<string> {
  const { phase } = await migration.refresh()
  if (phase === 'target-primary') {
    await cutover.rollback(who)
    return 'switched back'
  }
  const further: Partial<Record<Phase, Phase>> = { capture: 'dual-write', 'dual-write': 'shadow', shadow: 'canary' }
  for (let to = further[phase]; to !== undefined; to = further[to]) {
    await migration.advance({ to, ...who, acknowledgeMs: 4_000 })
  }
  const { gates } = await cutover.plan({ to: 'target-primary' })
  const isClosed = (gate: string): boolean => gates.some(({ name, ok }) => name === gate && !ok)
  if (isClosed('backfill-done')) await copyHistory({ toTheEnd: true })
  if (isClosed('full-sweep')) await sweep()
  await cutover.advance({ to: 'target-primary', ...who })
  return 'switched'
}

async function changePhase(): Promise<string> {
  const { phase } = await migration.refresh()
  const neighbours: Partial<Record<Phase, readonly Phase[]>> = {
    capture: ['dual-write'],
    'dual-write': ['shadow', 'shadow', 'capture'],
    shadow: ['canary', 'canary', 'dual-write'],
    canary: ['shadow'],
  }
  const to = pick(neighbours[phase] ?? [], random)
  if (to === undefined) return switchOver()
  await migration.advance({ to, ...who, acknowledgeMs: 4_000 })
  return 'changed phase'
}

const JOBS: readonly (readonly [weight: number, job: () => Promise<string>, allowed: (now: Snapshot) => boolean])[] = [
  [orders.strike?.at.startsWith('backfill') ? 12 : 2, copyHistory, ({ plan }) => plan.mirrorsTo === 'target'],
  [orders.strike?.at.startsWith('sweep') ? 8 : 1, sweep, ({ plan }) => backfilled && plan.mirrorsTo !== null],
  [orders.strike?.at.startsWith('switch') ? 12 : 4, switchOver, () => true],
  [1, changePhase, () => true],
]

async function work(): Promise<void> {
  const jobs = JOBS.flatMap(([weight, job, allowed]) =>
    allowed(migration.snapshot) ? Array.from({ length: weight }, () => job) : [],
  )
  const job = next === 'switch' ? switchOver : pick(jobs, random)
  if (next === 'switch') next = undefined
  try {
    await tell({ type: 'did', what: await job() })
  } catch (error) {
    // Refused, undone or interrupted by a fault: what it left behind is what the campaign is about.
    const why = error instanceof TwinspanError ? `${error.code} ${error.message}` : String(error)
    await tell({ type: 'refused', what: job.name, why: why.slice(0, 300) })
  }
}

for (let tries = 1; ; tries++) {
  try {
    await migration.start()
    break
  } catch (error) {
    if (tries === 40) throw error
    await migration.sleep(250)
  }
}
await tell({ type: 'ready' })
while (next !== 'stop') {
  await work()
  if (next === undefined) await new Promise((resolve) => setTimeout(resolve, between(50, 400, random)))
}
await migration.stop()
process.exit(0)
