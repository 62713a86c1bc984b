import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { mariadb } from '../support/mariadb.ts'
import { pglite } from '../support/pglite.ts'
import { postgres } from '../support/postgres.ts'
import { sqlite } from '../support/sqlite.ts'
import { type Fleet, openFleet, switchThereAndBack } from './cutover-fleet/fleet.ts'

/** After which step the driver dies. Those before the decision are undone, the others are carried on. */
const BEFORE = ['capture', 'identities', 'approach', 'fence', 'drain']
const AFTER = ['decide', 'open', 'follow']
const MOVES = [['canary', 'target-primary'] as const, ['target-primary', 'canary'] as const]

const pairs = [[sqlite, pglite] as const, [postgres, postgres] as const, [mariadb, postgres] as const]

for (const [legacy, target] of pairs) {
  // Minutes: cutover-kill.test.ts does three of the steps on PostgreSQL.
  const short = process.env['TWINSPAN_LONG'] === '1' ? undefined : 'set TWINSPAN_LONG=1'
  const missing = (await legacy.missing()) ?? (await target.missing()) ?? short
  if (missing !== undefined && missing !== short && process.env['CI'] === 'true') throw new Error(missing)
  const name = `a driver that is killed with SIGKILL between ${legacy.name} and ${target.name}`
  const title = missing === undefined ? name : `${name} (skipped: ${missing})`

  describe.skipIf(missing !== undefined)(`${title}`, { timeout: 900_000 }, () => {
    let fleet: Fleet
    afterEach(() => fleet?.close())

    /** Waits until the processes that are left have settled it: nobody else does. */
    async function settled(): Promise<{ readonly phase: string; readonly rows: readonly unknown[] }> {
      const { sides } = fleet.migration
      for (let left = 300; ; left--) {
        const [one, other] = [await sides.legacy.fence.read(), await sides.target.fence.read()]
        const rows = [one?.row, other?.row]
        const [first, second] = rows
        const still = first?.open && second?.open && first.epoch === second.epoch && first.phase === second.phase
        if (still || left === 0) return { phase: String(first?.phase), rows: still ? [] : rows }
        await sleep(50)
      }
    }

    it('leaves what the others undo before the decision and carry on after it, there and back, and no user is told', async () => {
      fleet = await openFleet({
        legacy,
        target,
        processes: 2,
        rate: 100,
        refreshMs: 200,
        execArgv: ['--conditions=twinspan-src'],
      })
      fleet.begin()
      for (const [from, to] of MOVES) {
        for (const step of BEFORE) {
          await fleet.killAfter(step, to)
          expect({ step, to, ...(await settled()) }).toEqual({ step, to, phase: from, rows: [] })
        }
        for (const [at, step] of AFTER.entries()) {
          // Back to where it is to be killed the next time.
          if (at > 0) await move(from)
          await fleet.killAfter(step, to)
          expect({ step, to, ...(await settled()) }).toEqual({ step, to, phase: to, rows: [] })
        }
      }
      // Nothing is stuck.
      await switchThereAndBack(fleet, 1, () => sleep(100))
      const { made, errors, lost, twice, onDemoted, wrong } = await fleet.end()
      expect({ errors, lost, twice, onDemoted, wrong }).toEqual({
        errors: [],
        lost: [],
        twice: [],
        onDemoted: [],
        wrong: { legacy: [], target: [] },
      })
      expect(made.length).toBeGreaterThan(100)
    })

    async function move(to: 'canary' | 'target-primary'): Promise<void> {
      const by = { actor: 'test', reason: 'once more' }
      for (let left = 20; ; left--) {
        const moved = to === 'canary' ? fleet.cut.rollback({ to, ...by }) : fleet.cut.advance({ to, ...by })
        try {
          await moved
          return
        } catch (error) {
          if (left === 0) throw error
        }
        await sleep(200)
      }
    }
  })
}
