import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createCutover } from '@twinspan/cutover'
import { type QueryExecutorProvider, sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { postgres } from '../support/postgres.ts'
import { atRest, by, type Databases, prepareSwitch, type Service, seed, startLoad, startService } from './service.ts'
import { openPair } from './two-schemas.ts'

const missing = await postgres.missing()
if (missing !== undefined && process.env['CI'] === 'true') throw new Error(missing)

/**
 * After which step the driver dies, and where that leaves the migration. Three by default: the two that leave the fence
 * closed, and the first after the decision.
 */
const DEATHS = [
  ['fence', 'canary'],
  ['drain', 'canary'],
  ['decide', 'target-primary'],
  ...(process.env['TWINSPAN_LONG'] === '1'
    ? ([
        ['capture', 'canary'],
        ['identities', 'canary'],
        ['follow', 'target-primary'],
      ] as const)
    : []),
] as const

describe.skipIf(missing !== undefined)('a driver that is killed with SIGKILL, under load', { timeout: 120_000 }, () => {
  let databases: Databases
  let services: Service[]
  let first: Service

  beforeEach(async () => {
    databases = await openPair(postgres, postgres)
    await seed(databases)
    services = [await startService(databases), await startService(databases)]
    first = services[0] as Service
    await prepareSwitch(first)
  })
  afterEach(async () => {
    for (const service of services) await service.stop()
    await databases.legacy.close()
    await databases.target.close()
  })

  it.each(DEATHS)('after %s leaves the migration in %s, and no user notices', async (step, phase) => {
    const load = startLoad(services)
    const driver = spawn(
      process.execPath,
      [
        '--conditions=twinspan-src',
        `${import.meta.dirname}/driver.ts`,
        await urlOf(databases.legacy.db),
        await urlOf(databases.target.db),
        step,
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    )
    const [, signal] = (await once(driver, 'exit')) as [number | null, string | null]
    expect(signal).toBe('SIGKILL')
    // Long enough for a switch to be overdue, and for the survivors to look.
    await load.during(5_000)
    const { expected, errors, longestMs } = await load.stop()

    expect(errors).toEqual([])
    expect(await first.migration.refresh()).toMatchObject({ phase, switching: false })
    expect((await first.migration.store.readState())?.phase).toBe(phase)
    await first.mirror.drain()
    const { legacy, target } = await atRest(databases)
    expect(legacy).toEqual(target)
    expect(new Map(legacy.map(({ id, points }) => [id, points]))).toEqual(expected)
    console.info(`killed after ${step}: ended in ${phase}, longest write ${longestMs} ms`)

    // Nothing is stuck: the survivors switch, or go back, as if nothing had happened.
    const cut = createCutover(first.migration, { drain: () => first.mirror.drain() })
    const next = phase === 'canary' ? cut.advance({ to: 'target-primary', ...by }) : cut.rollback(by)
    expect(await next).toMatchObject({ unsettled: [] })
  })
})

async function urlOf(db: QueryExecutorProvider): Promise<string> {
  const { rows } = await sql<{ name: string }>`select current_database() as name`.execute(db)
  const url = new URL(process.env['TWINSPAN_PG_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres')
  url.pathname = `/${rows[0]?.name}`
  return url.href
}
