// How far behind the secondary is, how fast it catches up, and what one process keeps up with.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CaptureMode } from '@twinspan/core'
import { sql } from 'kysely'
import type { Measurement } from '../bench.ts'
import { quantile } from './statistics.ts'
import { openStore, type Store } from './stores.ts'
import { type Ours, oursSubject, type Ways } from './subjects.ts'

/** Opens both databases for one measurement. */
export async function withWays<T>(engine: Store['engine'], work: (ways: Ways) => Promise<T>): Promise<T> {
  const stores = { legacy: await openStore(engine), target: await openStore('pg') }
  try {
    return await work({ stores, legacy: stores.legacy.connect(), target: stores.target.connect() })
  } finally {
    await stores.legacy.close()
    await stores.target.close()
  }
}

/**
 * From the moment a writer knows that its commit succeeded to the moment the mirror knows that its copy did, in
 * milliseconds, while so many writes a second are made. Every key is written once, so that no copy is taken for another's.
 */
export async function measureLag(
  ways: Ways,
  capture: CaptureMode,
  { perSecond, seconds }: { readonly perSecond: number; readonly seconds: number },
): Promise<readonly Measurement[]> {
  const ours = await oursSubject(ways, { capture, name: `${capture}_lag` })
  const written = new Map<string, number>()
  const early = new Set<string>()
  const lags: number[] = []
  ours.migration.events.on('mirrored', ({ keys }) => {
    for (const key of keys) {
      const at = written.get(key)
      if (at === undefined) early.add(key)
      else lags.push(performance.now() - at)
    }
  })
  ours.mirror.start()
  await ours.accounts.save(1, 1)
  await ours.settle()
  const began = performance.now()
  const writes: Promise<void>[] = []
  const total = perSecond * seconds
  for (let id = 2; id < 2 + total; ) {
    const due = Math.min(total, ((performance.now() - began) / 1_000) * perSecond)
    for (; id - 2 < due; id++) writes.push(write(ours, id))
    await sleep(1)
  }
  await Promise.all(writes)
  await ours.settle()
  await sleep(50)
  await ours.close()
  if (lags.length < total) throw new Error(`${lags.length} of ${total} writes were seen to be mirrored`)
  return [
    { metric: 'lag_p50', value: quantile(lags, 0.5), unit: 'ms' },
    { metric: 'lag_p99', value: quantile(lags, 0.99), unit: 'ms' },
    { metric: 'rate', value: total / ((performance.now() - began) / 1_000), unit: 'ops/s' },
  ]

  async function write({ accounts }: Ours, id: number): Promise<void> {
    await accounts.save(id, id)
    // The mirror may have been quicker than the answer.
    if (early.has(String(id))) lags.push(0)
    else written.set(String(id), performance.now())
  }
}

/** How many distinct keys a second go through `drain()` after so many were written while nobody copied. */
export async function measureDrain(ways: Ways, keys: number): Promise<readonly Measurement[]> {
  const ours = await oursSubject(ways, { capture: 'trigger', name: 'drain', rows: keys })
  await sql`update ${sql.table('ours_drain')} set balance = balance + 1`.execute(ways.legacy)
  const before = await ours.migration.sides.legacy.journal.stats()
  if (before.depth !== keys) throw new Error(`${before.depth} of ${keys} keys are dirty`)
  const cpu = process.cpuUsage()
  const began = performance.now()
  const { depth } = await ours.mirror.drain()
  const seconds = (performance.now() - began) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  const { rows } = await sql<{
    right: number | string
  }>`select count(*) as "right" from ours_drain where balance = id + 1`.execute(ways.target)
  await ours.close()
  if (depth !== 0 || Number(rows[0]?.right) !== keys) {
    throw new Error(`${depth} keys are left, ${Number(rows[0]?.right)} rows are right`)
  }
  return [
    { metric: 'throughput', value: keys / seconds, unit: 'keys/s' },
    { metric: 'cpu_here', value: (user + system) / keys, unit: 'us/key' },
  ]
}

/** Another process writes so many rows a second; this one mirrors. Lag of the oldest row and depth, looked at all the time. */
export async function measureKeepUp(
  ways: Ways,
  { perSecond, seconds }: { readonly perSecond: number; readonly seconds: number },
): Promise<readonly Measurement[]> {
  const ours = await oursSubject(ways, { capture: 'trigger', name: 'keepup' })
  const { journal } = ours.migration.sides.legacy
  ours.mirror.start()
  const url = ways.stores.legacy.url
  const writer = fork(new URL('./writer.ts', import.meta.url), [JSON.stringify({ url, perSecond, seconds })])
  let [oldest, depth, written] = [0, 0, 0]
  let going = true
  const ended = once(writer, 'message').then(([count]) => {
    written = Number(count)
    going = false
  })
  while (going) {
    const stats = await journal.stats()
    oldest = Math.max(oldest, stats.oldestAgeMs)
    depth = Math.max(depth, stats.depth)
    await sleep(50)
  }
  await ended
  const left = await journal.stats()
  const began = performance.now()
  await ours.settle()
  const caughtUp = performance.now() - began
  await ours.close()
  return [
    { metric: 'written', value: written / seconds, unit: 'rows/s' },
    { metric: 'oldest_max', value: oldest, unit: 'ms' },
    { metric: 'depth_max', value: depth, unit: 'rows' },
    { metric: 'depth_at_end', value: left.depth, unit: 'rows' },
    { metric: 'empty_after', value: caughtUp, unit: 'ms' },
  ]
}
