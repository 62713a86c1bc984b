import type { SweepRecord } from '@twinspan/core'
import {
  EXIT_STATUS,
  type Finding,
  findingLine,
  outcomeOf,
  reconcile,
  recordLine,
  sweepHtml,
  sweepTable,
} from '@twinspan/reconcile'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createPlaces } from '../src/drift/places.ts'
import { tamper, world } from './world.ts'

async function swept(change: (made: Awaited<ReturnType<typeof world>>) => Promise<unknown>, count = 1_000) {
  const made = await world(count)
  await tamper(made, () => change(made))
  const findings: Finding[] = []
  const run = reconcile.sweep(made.migration, made.entity, { reveal: 'values' })
  for (;;) {
    const step = await run.next()
    if (step.done === true) return { findings, record: step.value }
    findings.push(step.value)
  }
}

describe('a sweep that drifted', () => {
  it('says what the keys have in common', async () => {
    const { record } = await swept(async ({ members, users }) => {
      const at = (id: number, hour: number) => new Date(Date.UTC(2026, 0, 1 + id, hour))
      for (let id = 1; id <= 20; id++) {
        await members.save([{ id, mail: `m${id}@example.org`, note: at(id, 10) }])
        await users.save([{ id, email: `m${id}@example.org`, note: at(id, 11) }])
      }
      for (const id of [30, 31]) {
        await members.save([{ id, mail: `m${id}@example.org`, note: 7 * id }])
        await users.save([{ id, email: `m${id}@example.org`, note: id }])
      }
      await users.remove([900])
    })
    expect(record.patterns).toEqual([
      { field: 'note', reason: 'timezone-shift', keys: 20, offset: 3_600 },
      { field: 'note', reason: 'value', keys: 2, offset: null },
      { field: null, reason: 'missing', keys: 1, offset: null },
    ])
    const table = sweepTable(record)
    expect(table).toContain('20 keys, all by +3600 s: note (timezone-shift)')
    expect(table).toContain('1 key: missing')
    expect(table).toMatch(/parity +97\.7 %/)
    expect(table).toMatch(/drifted +23\n/)
    expect(sweepTable({ ...record, repaired: 20 })).toMatch(/drifted +23 \(20 repaired\)\n/)
  })

  it('says where in the order of the keys they lie', async () => {
    const { record } = await swept(({ users }) => users.remove([1, 2, 500, 1_000]))
    const places = record.places ?? []
    expect(places.reduce((sum, count) => sum + count, 0)).toBe(4)
    expect(places.length).toBeLessThanOrEqual(100)
  })

  it('becomes lines that a script can read', async () => {
    const { findings, record } = await swept(async ({ members, users }) => {
      await members.save([{ id: 1, mail: 'a', note: 2n }])
      await users.save([{ id: 1, email: 'a\nb', note: 10n ** 20n }])
    })
    const lines = [...findings.map(findingLine), recordLine(record)]
    expect(lines.every((line) => !line.includes('\n'))).toBe(true)
    expect(lines.map((line) => JSON.parse(line).type)).toEqual(['finding', 'sweep'])
    expect(JSON.parse(lines[0] ?? '').values).toMatchObject({
      email: { actual: 'a\nb' },
      note: { expected: '2', actual: '100000000000000000000' },
    })
  })

  it('becomes a page on which nothing of the stores is anything but text', async () => {
    const hostile = '<img src=x onerror=alert(1)>"\'&'
    const { findings, record } = await swept(({ users }) => users.save([{ id: 1, email: hostile }]))
    const page = sweepHtml({ ...record, entity: hostile }, findings)
    expect(page).not.toContain('<img')
    expect(page).toContain('&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;')
    expect(page).toContain('<svg')
    expect(page).not.toMatch(/<script|https?:/)
    const remarks = {
      readsRowsBecause: `column ${hostile}`,
      warnings: [hostile],
      normalized: { [hostile]: 3 },
      raw: true,
    }
    const remarked = sweepHtml({ ...record, ...remarks }, findings)
    expect(remarked).not.toContain('<img')
    expect(remarked).toContain('Rows were read: column &lt;img')
    expect(remarked).toContain('Warning: &lt;img')
    expect(remarked).toContain('normalized: &lt;img')
    expect(remarked).toContain('without the translation')
  })
})

describe('the outcome', () => {
  const record = (drift: number, undecided: number): SweepRecord => ({ drift, undecided }) as SweepRecord

  it('tells equal, drift, undecided and failed apart', () => {
    expect([record(0, 0), record(1, 0), record(0, 1), record(1, 1)].map(outcomeOf)).toEqual([
      'equal',
      'drift',
      'undecided',
      'drift',
    ])
    expect(new Set(Object.values(EXIT_STATUS)).size).toBe(4)
    expect(EXIT_STATUS.equal).toBe(0)
  })

  it('never calls parity 100 % while a single key drifted', async () => {
    const { record: clean } = await swept(async () => {}, 10)
    expect(sweepTable(clean)).toMatch(/parity +100 %/)
    const most = { ...clean, rows: 1e9, drift: 1, parity: (1e9 - 1) / 1e9 }
    expect(sweepTable(most)).toMatch(/parity +99\.999999 %/)
  })
})

describe('places', () => {
  it('keep every count, in order, however many rows come', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 2_000_000 }), { maxLength: 50 }), (rows) => {
        const places = createPlaces()
        for (const row of rows) places.count(row)
        const total = Math.max(0, ...rows) + 1
        const counts = places.upTo(total)
        expect(counts.length).toBeLessThanOrEqual(100)
        expect(counts.reduce((sum, count) => sum + count, 0)).toBe(rows.length)
        const half = rows.filter((row) => row < total / 2).length
        const left = counts.slice(0, Math.ceil(counts.length / 2)).reduce((sum, count) => sum + count, 0)
        // One stretch lies across the middle.
        expect(Math.abs(left - half)).toBeLessThanOrEqual(Math.max(...counts, 0))
      }),
    )
  })
})
