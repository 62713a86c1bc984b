import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Load, startLoad } from '../src/load.ts'
import { type Metrics, serveMetrics } from '../src/metrics.ts'
import { toCanary } from '../src/road.ts'
import { type Service, startService } from '../src/service.ts'

/** The example as a test has it: in canary, with users, and a port of its own. */
export interface BusyService {
  readonly service: Service
  readonly load: Load
  readonly metrics: Metrics
  /** What Prometheus would get now. */
  scrape(): Promise<string>
  close(): Promise<void>
}

export async function openBusyService(): Promise<BusyService> {
  const folder = await mkdtemp(join(tmpdir(), 'twinspan-telemetry-'))
  const metrics = await serveMetrics(await freePort())
  const service = await startService(folder, { statsMs: 100 })
  const load = startLoad(service.members, 20)
  await toCanary(service, () => {})
  return {
    service,
    load,
    metrics,
    scrape: async () => (await fetch(metrics.url)).text(),
    async close() {
      await load.stop()
      await service.stop()
      await metrics.close()
      await rm(folder, { recursive: true })
    },
  }
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
