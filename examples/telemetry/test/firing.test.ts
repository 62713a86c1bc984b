import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type BusyService, freePort, openBusyService } from './busy-service.ts'
import { file, missing } from './operations.ts'

const reason = missing('prometheus')
const skipped = reason === undefined ? '' : ` (skipped: ${reason})`

const patience = { timeout: 30_000, interval: 250 }

interface FiringAlert {
  readonly labels: Readonly<Record<string, string>>
  readonly state: 'pending' | 'firing'
}

describe.skipIf(reason !== undefined)(`a Prometheus that scrapes the service every second${skipped}`, () => {
  let busy: BusyService
  let folder: string
  let prometheus: ChildProcess
  let address: string
  beforeAll(async () => {
    busy = await openBusyService()
    folder = await mkdtemp(join(tmpdir(), 'twinspan-prometheus-'))
    // The rules as they are, but for their patience: seconds instead of minutes.
    const rules = (await readFile(file('alerts.yaml'), 'utf8'))
      .replaceAll(/for: (\d+)m$/gm, 'for: 1s')
      .replace('(twinspan_journal_oldest_age) / 1000 > 30', '(twinspan_journal_oldest_age) / 1000 > 1')
    if (!rules.includes('/ 1000 > 1\n')) throw new Error('The rules have another limit by now.')
    await writeFile(join(folder, 'alerts.yaml'), rules)
    const { host } = new URL(busy.metrics.url)
    await writeFile(
      join(folder, 'prometheus.yml'),
      `global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [alerts.yaml]
scrape_configs: [{ job_name: twinspan, static_configs: [{ targets: ['${host}'] }] }]
`,
    )
    address = `127.0.0.1:${await freePort()}`
    const options = [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=${address}`,
    ]
    prometheus = spawn('prometheus', options, { stdio: 'ignore' })
    await vi.waitUntil(async () => (await ask('query?query=twinspan_phase')).includes('canary'), patience)
  })
  afterAll(async () => {
    const ended = new Promise((resolve) => prometheus?.once('exit', resolve) ?? resolve(undefined))
    prometheus?.kill('SIGTERM')
    await ended
    await busy?.close()
    await rm(folder, { recursive: true, force: true })
  })

  async function ask(path: string): Promise<string> {
    try {
      return await (await fetch(`http://${address}/api/v1/${path}`)).text()
    } catch {
      return ''
    }
  }

  async function firing(): Promise<readonly string[]> {
    const { data } = JSON.parse((await ask('alerts')) || '{"data":{"alerts":[]}}') as {
      readonly data: { readonly alerts: readonly FiringAlert[] }
    }
    return data.alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels['alertname'] ?? '')
  }

  it('fires when the target takes no writes, and resolves when it does again; no request fails', {
    timeout: 90_000,
  }, async () => {
    expect(await firing()).not.toContain('TwinspanJournalOld')
    const letGo = busy.service.databases.faults.holdTarget()
    await expect.poll(firing, patience).toContain('TwinspanJournalOld')
    letGo()
    await expect.poll(firing, patience).not.toContain('TwinspanJournalOld')
    expect(busy.load.failed()).toBe(0)
  })

  it('fires while a row is parked, and resolves when it is retried', { timeout: 90_000 }, async () => {
    const { service } = busy
    const admit = service.databases.faults.refuse(7)
    await service.members.rename(7, 'refused@example.org')
    await expect.poll(firing, patience).toContain('TwinspanRowsParked')
    admit()
    await service.migration.sides.legacy.journal.retry()
    await expect.poll(firing, patience).not.toContain('TwinspanRowsParked')
  })
})
