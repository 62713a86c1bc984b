import { setTimeout as wait } from 'node:timers/promises'
import { backfill } from '@twinspan/backfill'
import type { CaptureMode } from '@twinspan/core'
import { createMirror } from '@twinspan/dual-write'
import { type Addresses, openWorld, type World } from './world.ts'

const who = { actor: 'chaos', reason: 'a campaign' }

const PATIENCE_MS = 90_000

/** Begins the migration: as far as history can be copied. The rest of the road is the workers'. */
export async function openRoad(addresses: Addresses, capture: CaptureMode): Promise<void> {
  await asNobody(addresses, capture, async ({ migration }) => {
    for (const to of ['capture', 'dual-write'] as const) await migration.advance({ to, ...who })
  })
}

/** Copies and drains what is left when everybody is gone. */
export async function settle(addresses: Addresses, capture: CaptureMode): Promise<void> {
  await asNobody(addresses, capture, async (world) => {
    const deadline = Date.now() + PATIENCE_MS
    for (let settled = false; !settled; await wait(settled ? 0 : 100)) {
      if (Date.now() > deadline) throw new Error('The journal does not drain.')
      settled = await settleOnce(world).catch((error: unknown) => {
        if (Date.now() > deadline) throw error
        return false
      })
    }
  })
}

async function settleOnce({ migration, things }: World): Promise<boolean> {
  const { switching, phase, plan } = await migration.refresh()
  if (switching) return false
  if (phase === 'capture') {
    await migration.advance({ to: 'dual-write', ...who })
    return false
  }
  if (plan.primary === 'legacy') {
    for await (const progress of backfill(migration, things, { maxLegacyLoad: 1, claimMs: 2_000 })) void progress
  }
  await migration.sides[plan.primary].journal.retry()
  const { depth } = await createMirror(migration).drain()
  return depth === 0
}

/** In a process that serves nobody and meets no fault. */
async function asNobody(
  addresses: Addresses,
  capture: CaptureMode,
  work: (world: World) => Promise<void>,
): Promise<void> {
  const world = openWorld(addresses, capture)
  try {
    await world.migration.start()
    await work(world)
    await world.migration.stop()
  } finally {
    await Promise.all([world.legacyDb.destroy(), world.targetDb.destroy()])
  }
}
