import { readBackfillRecord } from '@twinspan/core'
import { describe, expect, it, onTestFinished } from 'vitest'
import { advanceTo, databases, drain, expected, finish, join, member, members, type Process } from './world.ts'

/** Legacy has a row that changed while nothing was captured, after an earlier attempt had copied it. */
async function world(): Promise<Process> {
  const process = await join(databases())
  await process.members.save(members(9))
  await advanceTo(process.migration, 'dual-write')
  await process.users.save([{ id: 4, email: 'm4@example.org', version: 0 }])
  await process.members.save([member(4)])
  await drain(process)
  await process.users.save([{ id: 4, email: 'old@example.org' }])
  onTestFinished(() => process.migration.stop())
  return process
}

describe.each([{ maxChunkRows: 3 }, { maxChunkRows: 3, shards: 2 }, { maxChunkRows: 3, thorough: true }])(
  'the tail of a backfill with %o',
  (options) => {
    it('comes after the last chunk, and hands its keys to the mirror before the backfill is done', async () => {
      const process = await world()
      const seen: (boolean | undefined)[] = []
      const tail = async function* () {
        seen.push((await readBackfillRecord(process.migration.store, 'users'))?.record.done)
        expect(process.users.rows()).toHaveLength(9)
        yield [4]
        yield [2, 1]
      }
      const progress = await finish(process, { ...options, tail })
      expect(seen).toEqual([false])
      expect(progress.at(-1)).toMatchObject({ rows: 9, marked: 3, done: true })
      await drain(process)
      expect(process.users.rows()).toEqual(expected(process))
      expect(await finish(process, { ...options, tail })).toEqual([expect.objectContaining({ done: true })])
    })

    it('begins anew after an error, and gives up nothing', async () => {
      const process = await world()
      let begun = 0
      const tail = async function* () {
        begun += 1
        yield [1]
        if (begun === 1) throw new Error('connection lost')
        yield [4]
      }
      const progress = await finish(process, { ...options, tail })
      expect(begun).toBe(2)
      expect(progress.some(({ throttledBy }) => throttledBy === 'legacy')).toBe(true)
      await drain(process)
      expect(process.users.rows()).toEqual(expected(process))
    })

    it('is ended when the backfill is, and passed again by the next run', async () => {
      const process = await world()
      const stop = new AbortController()
      let [begun, ended] = [0, 0]
      const tail = async function* () {
        begun += 1
        try {
          yield [4]
          if (begun === 1) stop.abort()
          yield [1]
        } finally {
          ended += 1
        }
      }
      await finish(process, { ...options, tail, signal: stop.signal })
      expect([begun, ended]).toEqual([1, 1])
      expect((await readBackfillRecord(process.migration.store, 'users'))?.record.done).toBe(false)
      expect((await finish(process, { ...options, tail })).at(-1)).toMatchObject({ done: true })
      expect([begun, ended]).toEqual([2, 2])
    })
  },
)
