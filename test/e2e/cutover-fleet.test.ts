import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { mariadb } from '../support/mariadb.ts'
import { pglite } from '../support/pglite.ts'
import { postgres } from '../support/postgres.ts'
import { sqlite } from '../support/sqlite.ts'
import { type Fleet, openFleet, switchThereAndBack } from './cutover-fleet/fleet.ts'

const LONG = process.env['TWINSPAN_LONG'] === '1'
const SWITCHES = LONG ? 50 : 1
const PROCESSES = LONG ? 4 : 2

const pairs = [[sqlite, pglite] as const, [postgres, postgres] as const, [mariadb, postgres] as const]

for (const [legacy, target] of pairs) {
  const missing = (await legacy.missing()) ?? (await target.missing())
  if (missing !== undefined && process.env['CI'] === 'true') throw new Error(missing)
  const name = `${PROCESSES} processes on ${legacy.name} and ${target.name}`
  const title = missing === undefined ? name : `${name} (skipped: ${missing})`

  describe.skipIf(missing !== undefined)(`${title}`, { timeout: LONG ? 900_000 : 60_000 }, () => {
    let fleet: Fleet | undefined
    afterEach(() => fleet?.close())

    it('lose no write and take none on the demoted side while the primary is switched there and back, and no user is told of it', async () => {
      fleet = await openFleet({
        legacy,
        target,
        processes: PROCESSES,
        rate: 200,
        refreshMs: LONG ? 1_000 : 200,
        execArgv: ['--conditions=twinspan-src'],
      })
      fleet.begin()
      const switched = await switchThereAndBack(fleet, SWITCHES, () => sleep(300))
      const { made, errors, lost, twice, onDemoted, wrong } = await fleet.end()
      expect({ errors, lost, twice, onDemoted, wrong }).toEqual({
        errors: [],
        lost: [],
        twice: [],
        onDemoted: [],
        wrong: { legacy: [], target: [] },
      })
      // Users were at it on both sides of every switch.
      expect(made.length).toBeGreaterThan(switched.length * 10)
    })
  })
}
