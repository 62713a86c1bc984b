import type { EntityStore } from '@twinspan/core'
import { describe, expect, it } from 'vitest'
import { type BackfillOptions, backfill } from '../src/index.ts'
import { advanceTo, databases, join, type Member, members, type Process, type User } from './world.ts'

const OPTIONS: BackfillOptions = {
  maxLegacyLoad: 1,
  maxChunkRows: 2,
  probeEveryMs: 0,
  maxTargetCommitMs: 60_000,
  maxEventLoopLagMs: 60_000,
}

interface Watched {
  readonly process: Process
  /** `read` with the key behind which a chunk begins, and `insert` with its first key. */
  readonly steps: string[]
}

async function watched(rows: number): Promise<Watched> {
  const steps: string[] = []
  let now = 0
  const process = await join(databases(), {
    migration: { now: () => now },
    legacy: (table): EntityStore<Member> => ({
      ...table,
      scan: (range, options) => {
        steps.push(`read ${String(range.after ?? 0)}`)
        now += 1
        return table.scan(range, options)
      },
    }),
    target: (table): EntityStore<User> => ({
      ...table,
      insertMissing: async (some, options) => {
        steps.push(`insert ${some[0]?.id}`)
        return (await table.insertMissing?.(some, options)) ?? { inserted: 0, conflicts: [] }
      },
    }),
  })
  await process.members.save(members(rows))
  await advanceTo(process.migration, 'dual-write')
  steps.length = 0
  return { process, steps }
}

describe('reading ahead', () => {
  it('reads each chunk once, while the one before it is inserted', async () => {
    const { process, steps } = await watched(8)
    for await (const _ of backfill(process.migration, process.entity, OPTIONS));
    expect(steps.filter((step) => step.startsWith('read')).sort()).toEqual([
      'read 0',
      'read 2',
      'read 4',
      'read 6',
      'read 8',
    ])
    expect(steps.indexOf('read 6')).toBeLessThan(steps.indexOf('insert 5'))
  })

  it('reads again what it read in an earlier epoch', async () => {
    const { process, steps } = await watched(8)
    let chunks = 0
    for await (const _ of backfill(process.migration, process.entity, OPTIONS)) {
      if (++chunks !== 2) continue
      expect(steps).toContain('read 4')
      await process.migration.advance({ to: 'shadow', actor: 'test', reason: 'in between' })
    }
    expect(steps.filter((step) => step === 'read 4')).toHaveLength(2)
    expect(process.users.rows()).toHaveLength(8)
  })

  it('reads ahead while chunks still grow', async () => {
    const { process, steps } = await watched(3_000)
    for await (const _ of backfill(process.migration, process.entity, { ...OPTIONS, maxChunkRows: 100_000 }));
    expect(steps.slice(0, 4)).toEqual(['read 0', 'insert 1', 'read 500', 'read 2500'])
    expect(process.users.rows()).toHaveLength(3_000)
  })

  it('inserts nothing that it read in an earlier epoch', async () => {
    const { process, steps } = await watched(8)
    const { scan } = process.entity.legacy
    let moves = 1
    process.entity.legacy.scan = async (...args) => {
      const rows = await scan(...args)
      if (moves-- > 0) await process.migration.advance({ to: 'shadow', actor: 'test', reason: 'in between' })
      return rows
    }
    for await (const _ of backfill(process.migration, process.entity, OPTIONS));
    expect(steps.slice(0, 3)).toEqual(['read 0', 'read 0', 'insert 1'])
    expect(process.users.rows()).toHaveLength(8)
  })

  it('reads nothing ahead where legacy is to rest', async () => {
    const { process, steps } = await watched(8)
    for await (const _ of backfill(process.migration, process.entity, { ...OPTIONS, maxLegacyLoad: 0.5 }));
    expect(steps.indexOf('read 4')).toBeGreaterThan(steps.indexOf('insert 3'))
    expect(steps.indexOf('read 6')).toBeGreaterThan(steps.indexOf('insert 5'))
  })
})
