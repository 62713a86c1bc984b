import { isDeepStrictEqual } from 'node:util'
import type { SideName } from '@twinspan/core'
import { afterEach, describe, expect, it } from 'vitest'
import { createCutover } from '../src/index.ts'
import {
  advanceTo,
  createWorld,
  type Member,
  type Process,
  phasesOf,
  recordCleanCopy,
  type User,
  type World,
} from './world.ts'

const by = { actor: 'ops', reason: 'the day has come' }

/** A process that writes and mirrors all the time, to whichever side takes it, and remembers what was acknowledged. */
function writer(process: Process, world: World): { write(): void; stop(): Promise<ReadonlyMap<number, string>> } {
  const acknowledged = new Map<number, string>()
  const running: Promise<void>[] = []
  let next = 1_000
  let mirroring = false
  const mirror = async (): Promise<void> => {
    // Behind the fence it is the driver's drain that has to see to the rest.
    if (mirroring || [...world.legacy.fences.values(), ...world.target.fences.values()].some(({ open }) => !open))
      return
    mirroring = true
    await process.mirror().catch(() => {})
    mirroring = false
  }
  const write = async (): Promise<void> => {
    const id = next++
    const mail = `v${id}@example.org`
    const { sides } = process.migration
    const request = { entity: 'users', keys: () => [id] }
    const taken =
      (await took(process.members.save([{ member_id: id, mail, status: 'Active' }]))) ||
      (await took(
        sides.target.captureWrite(request, (transaction) =>
          process.targets.save([{ id, email: mail, active: true }], { transaction }),
        ),
      ))
    if (taken) acknowledged.set(id, mail)
  }
  return {
    // Not awaited where it is called: the one who calls may hold the fence that the write waits for.
    write: () => void running.push(write(), mirror()),
    async stop() {
      await Promise.all(running)
      return acknowledged
    },
  }
}

function took(write: Promise<unknown>): Promise<boolean> {
  return write.then(
    () => true,
    () => false,
  )
}

async function accepts(process: Process, side: SideName): Promise<boolean> {
  const bound = process.migration.sides[side]
  return took(bound.captureWrite({ entity: 'users', keys: () => [] }, async () => undefined))
}

const asUser = (row: Member): User => ({ id: row.member_id, email: row.mail, active: row.status === 'Active' })

const MOVES = ['cutover', 'fenced-copy', 'rollback', 'complete', 'reopen'] as const

/** Runs one move in a process that dies at its `dieAt`-th contact with a database. */
async function run(world: World, move: (typeof MOVES)[number], dieAt: number) {
  let contacts = 0
  let armed = false
  const survivor = await world.process()
  const drain = survivor.mirror
  await advanceTo(survivor.migration, move === 'fenced-copy' ? 'capture' : 'canary')
  await survivor.members.save([
    { member_id: 1, mail: 'a@example.org', status: 'Active' },
    { member_id: 7, mail: 'b@example.org', status: 'Active' },
  ])
  await survivor.mirror()
  await recordCleanCopy(survivor.migration)
  const cut = createCutover(survivor.migration, { drain })
  if (move !== 'cutover' && move !== 'fenced-copy') await cut.advance({ to: 'target-primary', ...by })
  if (move === 'reopen') await cut.advance({ to: 'complete', ...by })

  await survivor.acknowledge()

  const traffic = writer(survivor, world)
  const driver: Process = await world.process({
    step: async () => {
      if (!armed) return
      contacts++
      // In `complete` nothing is captured and legacy is frozen: a write there would be one to compare by hand.
      if (move !== 'reopen') traffic.write()
      if (contacts === dieAt) driver.kill()
    },
  })
  armed = true
  const driving = createCutover(driver.migration, { drain, maxLagMs: 100, acknowledgeMs: 0 })
  const act = {
    cutover: () => driving.advance({ to: 'target-primary', ...by }),
    'fenced-copy': () => driving.advance({ to: 'target-primary', path: 'fenced-copy', ...by }),
    rollback: () => driving.rollback({ to: 'canary', ...by }),
    complete: () => driving.advance({ to: 'complete', ...by }),
    reopen: () => driving.rollback({ to: 'target-primary', ...by }),
  }[move]
  const outcome = await act().then(
    (result) => result,
    (error: unknown) => error,
  )
  const acknowledged = await traffic.stop()
  return { survivor, driver, contacts, acknowledged, outcome, act }
}

describe.each(MOVES)('a driver that dies during %s', (move) => {
  let world: World
  afterEach(() => world.close())

  it('leaves something that any other process finishes or undoes, wherever it dies', { timeout: 120_000 }, async () => {
    world = createWorld()
    const { contacts: steps, outcome } = await run(world, move, Number.POSITIVE_INFINITY)
    expect(outcome).not.toBeInstanceOf(Error)
    await world.close()
    expect(steps).toBeGreaterThan(20)

    const ends = new Map<string, number>()
    for (let dieAt = 1; dieAt <= steps; dieAt++) {
      world = createWorld()
      const { survivor, acknowledged } = await run(world, move, dieAt)

      // The switch is overdue now, and the survivor looks.
      world.clock.ms += 60_000
      const { phase, switching } = await survivor.migration.refresh()
      ends.set(phase, (ends.get(phase) ?? 0) + 1)
      const cut = createCutover(survivor.migration, { drain: survivor.mirror, acknowledgeMs: 0 })
      if (phase === 'complete') await cut.advance({ to: 'complete', ...by })
      if (move === 'reopen' && phase === 'target-primary') await cut.rollback({ to: phase, ...by })

      if (phase !== 'complete') await survivor.mirror()
      const { primary } = survivor.migration.snapshot.plan
      const rows = (primary === 'legacy' ? survivor.members.rows().map(asUser) : survivor.targets.rows()).map(
        ({ id, email }): [number, string] => [id, email],
      )
      const held = new Map(rows)
      const fences = [
        await survivor.migration.sides.legacy.fence.read(),
        await survivor.migration.sides.target.fence.read(),
      ]
      expect({
        dieAt,
        phase,
        switching,
        primaryAccepts: await accepts(survivor, primary),
        secondaryAccepts: await accepts(survivor, primary === 'legacy' ? 'target' : 'legacy'),
        epochs: new Set(fences.map((found) => found?.row.epoch)).size,
        recorded: (await survivor.migration.store.readState())?.phase,
        audited: phasesOf(await survivor.migration.store.readAudit())[0]?.endsWith(phase),
        lost: [...acknowledged].filter(([id, text]) => held.get(id) !== text),
        // Nothing is mirrored in `complete`: the sides agree up to the decision, and legacy stands still.
        // Nothing is mirrored in `capture` either.
        agree:
          phase === 'complete' ||
          phase === 'capture' ||
          isDeepStrictEqual(survivor.members.rows().map(asUser), survivor.targets.rows()),
        frozen: world.legacy.frozen.size === 1,
      }).toEqual({
        dieAt,
        phase,
        switching: false,
        primaryAccepts: true,
        secondaryAccepts: false,
        epochs: 1,
        recorded: phase,
        audited: true,
        lost: [],
        agree: true,
        frozen: phase === 'complete',
      })
      await world.close()
    }
    // Both ends are reached: deaths before the decision are undone, deaths after it are carried on.
    expect(ends.size).toBe(2)
  })
})
