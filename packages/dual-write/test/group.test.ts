import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMirror } from '../src/index.ts'
import { inPhase, type Member, type Process, type World } from './world.ts'

/** What a transaction of the application makes of the members; `null` removes one. */
async function inOneTransaction(process: Process, mails: Readonly<Record<number, string | null>>): Promise<void> {
  await process.legacy.transaction(async (transaction) => {
    for (const [id, mail] of Object.entries(mails)) {
      if (mail === null) await process.members.remove([Number(id)], { transaction })
      else await process.members.save([{ member_id: Number(id), mail }], { transaction })
    }
  })
}

/** Both sides hold these mails; the target's rows have a hash that no translation names. */
async function withMembers(mails: readonly string[]): Promise<Process & { readonly world: World }> {
  const process = await inPhase('dual-write')
  await process.members.save(mails.map((mail, index) => ({ member_id: index + 1, mail })))
  await createMirror(process.migration).drain()
  const rows = process.world.target.tables.get('users')!.rows
  for (const [key, row] of rows) rows.set(key, { ...row, hash: `hash of ${key}` })
  return process
}

const mirrorOf = (process: Process, batchSize = 500) =>
  createMirror(process.migration, { batchSize, maxAttempts: 3, firstRetryMs: 1, random: () => 0 })
const emails = (process: Process): string[] => process.accounts.rows().map(({ id, email }) => `${id} ${email}`)
const stats = (process: Process) => process.migration.sides.legacy.journal.stats()

describe('rows that block each other', () => {
  it('swap a unique value at once, and keep what the translation does not name', async () => {
    const process = await withMembers(['a', 'b', 'c'])
    await inOneTransaction(process, { 1: 'b', 2: 'a' })
    expect(await mirrorOf(process).drain()).toMatchObject({ depth: 0 })
    expect(process.accounts.rows()).toEqual([
      { id: 1, email: 'b', hash: 'hash of 1' },
      { id: 2, email: 'a', hash: 'hash of 2' },
      { id: 3, email: 'c', hash: 'hash of 3' },
    ])
  })

  it('pass values round a ring, to a new row and on from one that goes', async () => {
    const process = await withMembers(['a', 'b', 'c', 'd'])
    await inOneTransaction(process, { 1: 'b', 2: 'c', 3: 'd', 4: null, 5: 'a' })
    expect(await mirrorOf(process).drain()).toMatchObject({ depth: 0 })
    expect(emails(process)).toEqual(['1 b', '2 c', '3 d', '5 a'])
  })

  it('are not held up by a poisoned row among them', async () => {
    const process = await withMembers(['a', 'b', 'c'])
    process.world.target.tables.get('users')!.rows.set('99', { id: 99, email: 'taken' })
    await inOneTransaction(process, { 1: 'b', 2: 'a', 3: 'taken' })
    expect(await mirrorOf(process).drain()).toMatchObject({ depth: 1, parked: 0 })
    expect(emails(process)).toEqual(['1 b', '2 a', '3 c', '99 taken'])
  })

  it('wait when what one of them needs is held by a poisoned row, and keep their values', async () => {
    const process = await withMembers(['a', 'b', 'c'])
    process.world.target.tables.get('users')!.rows.set('99', { id: 99, email: 'taken' })
    // 2 takes what 1 cannot give up.
    await inOneTransaction(process, { 1: 'taken', 2: 'a' })
    expect(await mirrorOf(process).drain()).toMatchObject({ depth: 2, parked: 0 })
    expect(emails(process)).toEqual(['1 a', '2 b', '3 c', '99 taken'])
    process.world.target.tables.get('users')!.rows.delete('99')
    process.world.clock += 60_000
    expect(await mirrorOf(process).drain()).toMatchObject({ depth: 0 })
    expect(emails(process)).toEqual(['1 taken', '2 a', '3 c'])
  })

  it('meet although they come in different batches', async () => {
    const process = await withMembers(['a', 'b', 'c'])
    await process.migration.sides.legacy.journal.mark([{ entity: 'users', key: '7' }])
    await inOneTransaction(process, { 1: 'b', 2: 'a' })
    const mirror = mirrorOf(process, 2)
    await mirror.drain()
    process.world.clock += 60_000
    expect(await mirror.drain()).toMatchObject({ depth: 0 })
    expect(emails(process)).toEqual(['1 b', '2 a', '3 c'])
  })

  it('are parked where the store cannot make room, each on its own', async () => {
    const process = await withMembers(['a', 'b', 'c'])
    ;(process.accounts as { makeRoom?: unknown }).makeRoom = undefined
    await inOneTransaction(process, { 1: 'b', 2: 'a', 3: 'z' })
    for (let attempt = 0; attempt < 3; attempt++) {
      await mirrorOf(process).drain()
      process.world.clock += 60_000
    }
    expect(await stats(process)).toMatchObject({ depth: 2, parked: 2 })
    expect(emails(process)).toEqual(['1 a', '2 b', '3 z'])
  })

  it('arrive whatever moves where, next to strangers and poisoned rows', async () => {
    const size = 7
    const start = Array.from({ length: size }, (_, index) => `m${index + 1}`)
    const scenario = fc.record({
      order: fc.shuffledSubarray(start, { minLength: size, maxLength: size }),
      ids: fc.shuffledSubarray(
        start.map((_, index) => index + 1),
        { minLength: 2 },
      ),
      gone: fc.subarray(start.map((_, index) => index + 1)),
      poisoned: fc.constantFrom(0, 1, 2),
      batchSize: fc.integer({ min: size, max: 20 }),
    })
    await fc.assert(
      fc.asyncProperty(scenario, async ({ order, ids, gone, poisoned, batchSize }) => {
        const process = await withMembers(start)
        const strangers = process.world.target.tables.get('users')!.rows
        strangers.set('99', { id: 99, email: 'stranger' })
        // A permutation within the chosen members, some of whom go; and new ones whose value a stranger holds.
        const values = order.filter((mail) => ids.includes(Number(mail.slice(1))))
        const writes = new Map<number, string | null>(ids.map((id, index) => [id, values[index] ?? null]))
        for (const id of gone) writes.set(id, null)
        for (let bad = 0; bad < poisoned; bad++) writes.set(50 + bad, 'stranger')
        await inOneTransaction(process, Object.fromEntries(writes))

        const mirror = mirrorOf(process, batchSize)
        // Batches that cut a ring in two make it wait for the next attempt, no longer.
        for (let attempt = 0; attempt < 4; attempt++) {
          await mirror.drain()
          process.world.clock += 60_000
        }
        const legacy = process.members.rows().filter((row: Member) => row.mail !== 'stranger')
        const target = process.accounts.rows().filter((row) => row.email !== 'stranger')
        expect(target.map(({ id, email }) => [id, email])).toEqual(legacy.map((row) => [row.member_id, row.mail]))
        for (const row of target) expect(row).toMatchObject({ hash: `hash of ${row.id}` })
        expect(await stats(process)).toMatchObject({ depth: poisoned, parked: poisoned })
        expect(strangers.get('99')).toEqual({ id: 99, email: 'stranger' })
      }),
      { numRuns: Number(globalThis.process.env['TWINSPAN_PROPERTY_RUNS'] ?? 200) },
    )
  }, 60_000)
})
