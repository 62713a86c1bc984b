import { parseRollout, ROLLOUT_DOCUMENT, RolloutKilledError } from '@twinspan/core'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { seeded } from './simulate.ts'
import { BY, createWorld, walk } from './world.ts'

let world: ReturnType<typeof createWorld>
beforeEach(() => {
  world = createWorld()
})
afterEach(() => world.end())

const RACES = process.env['TWINSPAN_LONG'] === '1' ? 10_000 : 2_000

it('a kill stands, whatever step of the ramp races with it', { timeout: 60_000 }, async () => {
  const [first, second] = [await world.join({ refreshMs: 60_000 }), await world.join({ refreshMs: 60_000 })]
  await walk(first.migration, 'canary')
  await second.migration.refresh()
  await Promise.all([first.router.start(), second.router.start()])
  const random = seeded(11)
  // Every step of the store takes a few turns, so that each order of the two comes up.
  world.breakStore(async () => {
    for (let turns = Math.floor(random() * 6); turns > 0; turns--) await Promise.resolve()
  })
  const seen = { stepFirst: 0, killFirst: 0 }
  for (let race = 0; race < RACES; race++) {
    const step = second.router.setPercent(100, BY).then(
      () => seen.stepFirst++,
      (error: unknown) => {
        if (!(error instanceof RolloutKilledError)) throw error
        seen.killFirst++
      },
    )
    const kill = first.router.kill(BY)
    if (first.router.decide('1').reason !== 'killed') expect.fail('not killed where it was said')
    await Promise.all([step, kill])
    const stored = parseRollout((await first.migration.store.getDocument(ROLLOUT_DOCUMENT))?.value)
    if ((stored?.killed ?? null) === null) expect.fail(`lived through race ${race}`)
    await first.router.rearm(BY)
  }
  expect(second.router.decide('1').side).toBe('legacy')
  expect(seen.stepFirst).toBeGreaterThan(100)
  expect(seen.killFirst).toBeGreaterThan(100)
})
