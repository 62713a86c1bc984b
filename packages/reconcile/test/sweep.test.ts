import { PhaseRefusedError, readSweepRecord, StalePhaseError, type SweepRecord } from '@twinspan/core'
import { type Finding, reconcile, type SweepOptions } from '@twinspan/reconcile'
import { describe, expect, it } from 'vitest'
import { advanceTo, drain, member, tamper, toUser, type World, world } from './world.ts'

interface Swept {
  readonly findings: readonly Finding[]
  readonly record: SweepRecord
}

async function sweep({ migration, entity }: World, options: SweepOptions = {}): Promise<Swept> {
  const run = reconcile.sweep(migration, entity, options)
  const findings: Finding[] = []
  for (;;) {
    const step = await run.next()
    if (step.done === true) return { findings, record: step.value }
    findings.push(step.value)
  }
}

describe('sweep', () => {
  it('finds nothing where both sides agree, and records that', async () => {
    const made = await world(1_000)
    const compared: unknown[] = []
    made.migration.events.on('compared', (event) => compared.push(event))
    const { findings, record } = await sweep(made, { pageRows: 64 })
    expect(findings).toEqual([])
    expect(record).toMatchObject({ rows: 1_000, drift: 0, undecided: 0, parity: 1, lowerBound95: 1, primary: 'legacy' })
    expect(await readSweepRecord(made.migration.store, 'users')).toEqual(record)
    expect(compared).toEqual([{ type: 'compared', entity: 'users', compared: 1_000, mismatched: 0, parity: 1 }])
  })

  it.each([1, 3, 10, 500])(
    'finds what is missing, what differs and what is too much, in pages of %d',
    async (pageRows) => {
      const made = await world(100)
      await tamper(made, async () => {
        await made.users.remove([1, 50, 100])
        await made.users.save([
          { id: 40, email: 'M40@example.org' },
          { id: 41, email: 'other' },
        ])
        await made.users.save([-5, 101, 102, 200].map((id) => toUser(member(id))))
      })
      const { findings, record } = await sweep(made, { pageRows, reveal: 'keys' })
      const found = findings.map(({ key, reason }) => [key, reason]).sort((a, b) => Number(a[0]) - Number(b[0]))
      expect(found).toEqual([
        [-5, 'extra'],
        [1, 'missing'],
        [40, 'case'],
        [41, 'value'],
        [50, 'missing'],
        [100, 'missing'],
        [101, 'extra'],
        [102, 'extra'],
        [200, 'extra'],
      ])
      expect(record).toMatchObject({ rows: 104, drift: 9, parity: 95 / 104, lowerBound95: 95 / 104 })
    },
  )

  it('looks at keys under watch together while it goes on, four times a second at most', async () => {
    let loads = 0
    let slow = async (): Promise<void> => {}
    const made = await world(40, {
      legacy: (members) => ({
        ...members,
        async scan(range) {
          await slow()
          return members.scan(range)
        },
        load: (keys, options) => {
          loads++
          return members.load(keys, options)
        },
      }),
    })
    await tamper(made, () => made.users.save(made.members.rows().map(({ id }) => ({ id, email: 'other' }))))
    slow = () => made.migration.sleep(50)
    const began = made.migration.now()
    const { record } = await sweep(made, { pageRows: 2, maxPrimaryLoad: 1 })
    expect(record.drift).toBe(40)
    // Once nothing else is left to do, those of the last five pages are looked at as soon as they are due.
    const most = 1 + (made.migration.now() - began) / 250 + 5
    // Each look reads the primary before and after the secondary.
    expect(loads).toBeLessThanOrEqual(2 * most)
  })

  it('says nothing of an entity without rows but that all of them agree', async () => {
    expect((await sweep(await world(0))).record).toMatchObject({ rows: 0, parity: 1, lowerBound95: 1 })
  })

  it('takes the target for the truth after the switch', async () => {
    const made = await world(10)
    await tamper(made, () => made.members.remove([4]))
    const { migration } = made
    for (const side of ['legacy', 'target'] as const) {
      const { row } = (await migration.sides[side].fence.read())!
      const next = { ...row, phase: 'target-primary' as const, primary: 'target' as const, epoch: row.epoch + 1 }
      await migration.sides[side].fence.change(row.revision, next)
    }
    await migration.refresh()
    const { findings, record } = await sweep(made)
    expect(record.primary).toBe('target')
    expect(findings).toEqual([expect.objectContaining({ reason: 'missing' })])
  })

  it('refuses options that cannot be meant', async () => {
    const { migration, entity } = await world(0)
    expect(() => reconcile.sweep(migration, entity, { recheckMs: [100] })).toThrow('recheckMs')
    expect(() => reconcile.sweep(migration, entity, { recheckMs: [100, 50] })).toThrow('recheckMs')
    expect(() => reconcile.sweep(migration, entity, { pageRows: 0 })).toThrow('pageRows')
    expect(() => reconcile.sweep(migration, entity, { reveal: 'all' as 'keys' })).toThrow('reveal')
    expect(() => reconcile.sweep(migration, { ...entity, name: 'orders' })).toThrow('entity')
  })
})

describe('a difference', () => {
  it('is compared on the columns that the translation gives, and on no others', async () => {
    const made = await world(3)
    await made.users.save([{ id: 2, email: 'm2@example.org', note: 'of the target alone' }])
    expect((await sweep(made)).findings).toEqual([])
  })

  it('names every field and why it differs', async () => {
    const made = await world(0)
    await made.members.save([{ id: 1, mail: 'a@example.org', note: 'Ünïcode' }])
    await tamper(made, () => made.users.save([{ id: 1, email: 'a@example.org  ', note: '' }]))
    await made.migration.sides.legacy.journal.remove(
      (await made.migration.sides.legacy.journal.read({ limit: 10 })).map(({ id }) => id),
    )
    const { findings } = await sweep(made)
    expect(findings[0]).toMatchObject({
      reason: 'value',
      fields: [
        { name: 'note', reason: 'value' },
        { name: 'email', reason: 'padding' },
      ],
    })
  })

  it('is none where the application says how a column is to be read', async () => {
    const made = await world(3)
    await tamper(made, () => made.users.save([{ id: 2, email: ' m2@example.org ' }]))
    const trim = (value: unknown): string => String(value).trim()
    expect((await sweep(made, { normalize: { email: trim } })).findings).toEqual([])
    expect((await sweep(made)).findings).toHaveLength(1)
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('m2@example.org')
      },
    ],
    ['gives another key', () => toUser(member(99))],
  ])('is a translation that %s', async (_, translate) => {
    let broken = false
    const made = await world(3, { toTarget: (row) => (broken && row.id === 2 ? translate() : toUser(row)) })
    broken = true
    const { findings, record } = await sweep(made, { reveal: 'keys' })
    expect(findings).toEqual([expect.objectContaining({ key: 2, reason: 'untranslatable', fields: [] })])
    expect(record.drift).toBe(1)
    expect(JSON.stringify(await made.migration.store.findings())).not.toContain('example')
  })

  it('is a row whose translation is none', async () => {
    const made = await world(4, { toTarget: (row) => (row.id % 2 === 0 ? null : toUser(row)) })
    expect((await sweep(made)).findings).toEqual([])
    await tamper(made, () => made.users.save([toUser(member(2))]))
    expect((await sweep(made, { reveal: 'keys' })).findings).toEqual([
      expect.objectContaining({ key: 2, reason: 'extra' }),
    ])
  })
})

describe('findings', () => {
  const tampered = async (): Promise<World> => {
    const made = await world(10)
    await tamper(made, () => made.users.save([{ id: 7, email: 'secret@example.org' }]))
    return made
  }

  it('tell neither keys nor values unless asked to, and are stored without them in any case', async () => {
    const made = await tampered()
    for (const reveal of ['nothing', 'keys', 'values'] as const) {
      const [finding] = (await sweep(made, { reveal })).findings
      const { subject, ...told } = finding!
      expect(subject).toMatch(/^[0-9a-f]{32}$/)
      expect('key' in told).toBe(reveal !== 'nothing')
      expect('values' in told).toBe(reveal === 'values')
      const stored = await made.migration.store.findings({ kind: 'reconcile', entity: 'users' })
      expect(stored).toHaveLength(1)
      expect(stored[0]).toMatchObject({
        subject,
        detail: { reason: 'value', fields: [{ name: 'email', reason: 'value' }] },
      })
      expect(JSON.stringify(stored)).not.toMatch(/example|"key"/)
    }
    expect((await sweep(made, { reveal: 'values' })).findings[0]?.values).toEqual({
      email: { expected: 'm7@example.org', actual: 'secret@example.org' },
    })
  })

  it('have the same subject in every sweep, and another one under another secret', async () => {
    const made = await tampered()
    const subjects = [{}, {}, { findingSecret: 'a' }, { findingSecret: 'b' }].map(
      async (options) => (await sweep(made, options)).findings[0]?.subject,
    )
    const [first, second, third, fourth] = await Promise.all(subjects)
    expect(first).toBe(second)
    expect(new Set([first, third, fourth]).size).toBe(3)
  })

  it('of an earlier sweep are forgotten when they are found no more', async () => {
    const made = await tampered()
    await sweep(made)
    await tamper(made, () => made.users.save([toUser(member(7))]))
    await sweep(made)
    expect(await made.migration.store.findings()).toEqual([])
  })
})

describe('repair', () => {
  it('hands the keys to the mirror and looks at them again', async () => {
    const made = await world(20)
    await tamper(made, async () => {
      await made.users.remove([3])
      await made.users.save([{ id: 4, email: 'other' }, toUser(member(99))])
    })
    made.onSleep = () => drain(made)
    const { findings, record } = await sweep(made, { repair: true })
    expect(findings.map(({ marked }) => marked)).toEqual([true, true, true])
    expect(record).toMatchObject({ drift: 3, repaired: 3, parity: 18 / 21 })
    expect(made.users.rows()).toEqual(made.members.rows().map(toUser))
    expect((await sweep(made)).record).toMatchObject({ drift: 0, parity: 1 })
  })

  it('claims nothing where no mirror is at work', async () => {
    const made = await world(20)
    await tamper(made, () => made.users.remove([3]))
    expect((await sweep(made, { repair: true })).record).toMatchObject({ drift: 1, repaired: 0 })
    await drain(made)
    expect((await sweep(made)).record).toMatchObject({ drift: 0 })
  })

  it('changes nothing unless asked to', async () => {
    const made = await world(20)
    await tamper(made, () => made.users.remove([3]))
    expect((await sweep(made)).findings[0]?.marked).toBe(false)
    expect((await made.migration.sides.legacy.journal.stats()).depth).toBe(0)
  })

  it('stops marking at its limit', async () => {
    const made = await world(20)
    await tamper(made, () => made.users.remove([3, 4, 5]))
    const { findings } = await sweep(made, { repair: true, maxRepairs: 2 })
    expect(findings.map(({ marked }) => marked)).toEqual([true, true, false])
  })

  it('is refused where there is no mirror', async () => {
    const made = await world(1, { phase: 'capture' })
    await expect(sweep(made, { repair: true })).rejects.toThrow(PhaseRefusedError)
    await expect(sweep(made)).resolves.toMatchObject({ record: { drift: 0 } })
  })
})

describe('live traffic', () => {
  it('is no drift: what is dirty is watched until it agrees', async () => {
    const made = await world(50)
    await made.members.save([{ id: 10, mail: 'new' }])
    await made.members.remove([11])
    await made.members.save([member(60)])
    made.onSleep = () => drain(made)
    const { findings, record } = await sweep(made)
    expect(findings).toEqual([])
    expect(record).toMatchObject({ drift: 0, undecided: 0 })
  })

  it('leaves a key undecided that stays dirty, and the bound counts it as different', async () => {
    const made = await world(50)
    await made.members.save([{ id: 10, mail: 'new' }])
    const { findings, record } = await sweep(made)
    expect(findings).toEqual([])
    expect(record).toMatchObject({ drift: 0, undecided: 1, parity: 1, lowerBound95: 49 / 50 })
  })

  it('is no drift where a key never stands still and the secondary follows', async () => {
    const made = await world(5)
    let version = 0
    const follow = async (): Promise<void> => {
      const [row] = await made.members.load([1])
      await made.users.save([toUser(row!)])
      await made.members.save([{ id: 1, mail: `v${++version}` }])
    }
    await tamper(made, follow)
    made.onSleep = () => tamper(made, follow)
    const { findings, record } = await sweep(made)
    expect(version).toBeGreaterThan(2)
    expect(findings).toEqual([])
    expect(record).toMatchObject({ drift: 0, undecided: 0 })
  })

  it('is no drift where a row goes back and forth and is read at the wrong moment every time', async () => {
    let flips = false
    const made = await world(1, {
      legacy: (members) => ({
        ...members,
        // Whoever reads the row has an old one in hand: it is written and mirrored before anything else is read.
        load: async (keys, options) => {
          const rows = await members.load(keys, options)
          if (flips) await flip()
          return rows
        },
      }),
    })
    const flip = (): Promise<void> =>
      tamper(made, async () => {
        const mail = made.members.rows()[0]?.mail === 'a' ? 'b' : 'a'
        await made.members.save([{ id: 1, mail }])
        await made.users.save([{ id: 1, email: mail }])
      })
    await tamper(made, () => made.users.save([{ id: 1, email: 'first sight' }]))
    flips = true
    const { findings, record } = await sweep(made)
    expect(findings).toEqual([])
    expect(record.drift).toBe(0)
  })

  it('leaves a key undecided that never stands still where the secondary does not follow', async () => {
    const made = await world(5)
    let version = 0
    made.onSleep = () => tamper(made, () => made.members.save([{ id: 1, mail: `v${++version}` }]))
    await made.onSleep(0)
    expect((await sweep(made)).record).toMatchObject({ drift: 0, undecided: 1 })
  })

  it('does not hide a key that drifts while others are written', async () => {
    const made = await world(200)
    await tamper(made, () => made.users.remove([77]))
    let writes = 0
    made.onSleep = async () => {
      await made.members.save([{ id: (writes++ % 20) + 1, mail: `w${writes}` }])
      await drain(made)
    }
    const { findings } = await sweep(made, { pageRows: 20, reveal: 'keys' })
    expect(findings.map(({ key }) => key)).toEqual([77])
  })
})

describe('a secondary that orders keys in another way', () => {
  it('is compared all the same', async () => {
    const made = await world(120, {
      target: (users) => ({
        ...users,
        async scan({ after, through, limit }) {
          const text = (id: number): string => String(id)
          return users
            .rows()
            .filter(
              ({ id }) =>
                (after === undefined || text(id) > String(after)) &&
                (through === undefined || text(id) <= String(through)),
            )
            .sort((a, b) => (text(a.id) < text(b.id) ? -1 : 1))
            .slice(0, limit)
        },
      }),
    })
    let suspects = 0
    const onProgress = (progress: { readonly suspects: number }): void => {
      suspects = Math.max(suspects, progress.suspects)
    }
    expect((await sweep(made, { pageRows: 7, onProgress })).record).toMatchObject({ rows: 120, drift: 0 })
    expect(suspects).toBe(0)
    await tamper(made, async () => {
      await made.users.remove([5, 55])
      await made.users.save([{ id: 100, email: 'other' }, toUser(member(1_000)), toUser(member(555_555))])
    })
    const { findings, record } = await sweep(made, { pageRows: 7, reveal: 'keys' })
    const found = findings.map(({ key, reason }) => `${String(key)} ${reason}`).sort()
    expect(found).toEqual(['100 value', '1000 extra', '5 missing', '55 missing', '555555 extra'])
    expect(record.rows).toBe(122)
  })
})

describe('a sweep that ends early', () => {
  it('throws the reason of its signal and records nothing', async () => {
    const made = await world(100)
    const stop = new AbortController()
    const run = sweep(made, {
      pageRows: 10,
      signal: stop.signal,
      onProgress: ({ rows }) => {
        if (rows === 50) stop.abort(new Error('enough'))
      },
    })
    await expect(run).rejects.toThrow('enough')
    expect(await readSweepRecord(made.migration.store, 'users')).toBeUndefined()
  })

  it('throws when the primary changes meanwhile', async () => {
    const made = await world(100)
    const { migration } = made
    let switched = false
    const change = async (): Promise<void> => {
      switched = true
      const { row } = (await migration.sides.legacy.fence.read())!
      const next = { ...row, phase: 'target-primary' as const, primary: 'target' as const, epoch: row.epoch + 1 }
      await migration.sides.legacy.fence.change(row.revision, next)
      await migration.sides.target.fence.change((await migration.sides.target.fence.read())!.row.revision, next)
      await migration.refresh()
    }
    await tamper(made, () => made.users.remove([3]))
    made.onSleep = () => (switched ? undefined : change())
    await expect(sweep(made, { pageRows: 10 })).rejects.toThrow(StalePhaseError)
    expect(await readSweepRecord(migration.store, 'users')).toBeUndefined()
  })

  it('goes on when the phase moves on under the same primary', async () => {
    const made = await world(30)
    await tamper(made, () => made.users.remove([3]))
    let moved = false
    made.onSleep = async () => {
      if (moved) return
      // The road itself may have to wait.
      moved = true
      await advanceTo(made.migration, 'shadow')
    }
    const { record } = await sweep(made)
    expect(record.drift).toBe(1)
    expect(record.epoch).toBeLessThan(made.migration.snapshot.epoch)
  })
})

describe('the load on the primary', () => {
  it('is kept to its share of the time', async () => {
    let slow = async (): Promise<void> => {}
    const made = await world(300, {
      legacy: (members) => ({
        ...members,
        scan: async (range, options) => {
          const rows = await members.scan(range, options)
          await slow()
          return rows
        },
      }),
    })
    slow = () => made.migration.sleep(40)
    const took = async (maxPrimaryLoad: number): Promise<number> => {
      const began = made.migration.now()
      await sweep(made, { pageRows: 30, maxPrimaryLoad })
      return made.migration.now() - began
    }
    const full = await took(1)
    expect(await took(0.25)).toBeGreaterThanOrEqual(3 * full)
  })
})

describe('a watch', () => {
  it('sweeps again and again, past outages and changes of the primary, until it is told to end', async () => {
    let failing = false
    const made: World = await world(5, {
      legacy: (members) => ({
        ...members,
        scan: async (range, options) => {
          if (failing) throw Object.assign(new Error('gone'), { code: 'ECONNREFUSED' })
          return members.scan(range, options)
        },
      }),
    })
    const stop = new AbortController()
    const found: string[] = []
    const failures: string[] = []
    let rests = 0
    made.onSleep = async (ms) => {
      if (ms !== 60_000) return
      rests++
      if (rests === 1) await tamper(made, () => made.users.remove([3]))
      if (rests === 2) failing = true
      if (rests === 3) failing = false
      if (rests === 4) stop.abort()
    }
    const watching = reconcile.watch(made.migration, made.entity, {
      signal: stop.signal,
      onFailure: (error) => failures.push(error),
    })
    for await (const { reason } of watching) found.push(reason)
    expect(found).toEqual(['missing', 'missing'])
    expect(failures).toEqual(['Error (ECONNREFUSED)'])
    expect(await readSweepRecord(made.migration.store, 'users')).toMatchObject({ drift: 1 })
  })

  it('ends with an error that waiting does not mend', async () => {
    const made = await world(5, { phase: 'off' })
    await expect(reconcile.watch(made.migration, made.entity, { repair: true }).next()).rejects.toThrow(
      PhaseRefusedError,
    )
  })
})
