import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { startLoad } from './load.ts'
import { serveMetrics } from './metrics.ts'
import { toCanary } from './road.ts'
import { startService } from './service.ts'

const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort())

const port = Number(process.env['METRICS_PORT'] ?? 9464)
const healthyMs = Number(process.env['HEALTHY_SECONDS'] ?? 120) * 1_000
const faultMs = Number(process.env['FAULT_SECONDS'] ?? 300) * 1_000

const tell = (what: string): void => console.log(`${new Date().toISOString()}  ${what}`)
const folder = await mkdtemp(join(tmpdir(), 'twinspan-telemetry-'))
const metrics = await serveMetrics(port)
const service = await startService(folder, { statsMs: 1_000 })
tell(`metrics at ${metrics.url}`)
const load = startLoad(service.members, 20)
await toCanary(service, tell)

while (!stop.signal.aborted) {
  await pause(healthyMs)
  if (stop.signal.aborted) break
  const letGo = service.databases.faults.holdTarget()
  tell('FAULT the target takes no writes')
  await pause(faultMs)
  letGo()
  tell('mended: the mirror catches up')
}

await load.stop()
await service.stop()
await metrics.close()
await rm(folder, { recursive: true })
tell(`ended; ${load.failed()} requests failed`)

function pause(ms: number): Promise<void> {
  return wait(ms, undefined, { signal: stop.signal }).catch(() => {})
}
