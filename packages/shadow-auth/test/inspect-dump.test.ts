import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { createDuplicates } from '../src/duplicates.ts'
import { inspectDump } from '../src/index.ts'
import { linesOf } from '../src/lines.ts'
import { vbulletin } from '../src/schemes/index.ts'

const BCRYPT = '$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'
const BOMB = '$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'
const MD5 = '{MD5}ktgxIYplMAT2bc0sw9FG7w=='
const YESCRYPT = '$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7'

const QUICK = {
  calibrate: { measure: async () => 20 },
  measure: (scheme: { readonly name: string }) => (scheme.name === 'bcrypt' ? 36 : 0.01),
}

/** Hashes of as many users as it takes, none of them alike. */
function* bcrypts(count: number): Generator<string> {
  for (let at = 0; at < count; at++) yield `$2b$10$${String(at).padStart(22, 'A')}E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW`
}

describe('the inspection of a dump', () => {
  it('counts what there is, by scheme and cost, and what no login will be verified against', async () => {
    const rows = [BCRYPT, ...bcrypts(3), MD5, MD5, MD5, '', null, BOMB, YESCRYPT, 'x', '9'.repeat(32)]
    const report = await inspectDump(rows, QUICK)
    expect(report).toMatchObject({ rows: 13, empty: 2 })
    expect(report.schemes).toEqual([
      {
        scheme: 'bcrypt',
        rows: 4,
        costs: [
          { params: { cost: 10 }, rows: 3, ms: 36 },
          { params: { cost: 5 }, rows: 1, ms: 36 },
        ],
        cpuHours: (4 * 36) / 3_600_000,
        duplicates: 0,
      },
      expect.objectContaining({ scheme: 'ldap-md5', rows: 3, duplicates: 2 }),
    ])
    expect(report.refused).toEqual({
      cost: { rows: 1, first: [10] },
      unsupported: { rows: 1, first: [11] },
      malformed: { rows: 1, first: [12] },
      ambiguous: { rows: 1, first: [13] },
    })
    expect(report.duplicates).toEqual({ exact: true, rows: 2, groups: 1, largest: 3 })
    expect(report.cpuHours).toBeCloseTo((4 * 36 + 3 * 0.01) / 3_600_000, 12)
    expect(report.suggested.hash).toMatchObject({ meetsTarget: true })
    expect(report.suggested.accepts).toEqual(['bcrypt', 'ldap-md5'])
    expect(report.suggested.advice).toEqual(['wrap', 'unsalted', 'unsupported', 'ambiguous', 'malformed', 'limits'])
  })

  it('takes few that ask for too much for bombs, and many for the usual cost', async () => {
    const advice = async (bombs: number) =>
      (await inspectDump([...bcrypts(500), ...Array<string>(bombs).fill(BOMB)], QUICK)).suggested.advice
    expect([await advice(0), await advice(1), await advice(50)]).toEqual([[], ['bombs'], ['limits']])
    const raised = await inspectDump([BOMB], { ...QUICK, limits: { bcryptCost: 31 } })
    expect(raised.refused.cost.rows).toBe(0)
  })

  it('reads rows of any shape, with what stands beside the hash', async () => {
    const rows = [
      { password: '16780ba78d2d5f02f3202901c1b6d975', salt: '568' },
      { password: null, salt: null },
    ]
    const report = await inspectDump(rows, {
      ...QUICK,
      schemes: [vbulletin()],
      hashOf: ({ password }) => password,
      paramsOf: ({ salt }) => (salt === null ? undefined : { salt }),
    })
    expect(report).toMatchObject({ rows: 2, empty: 1, schemes: [{ scheme: 'vbulletin', rows: 1 }] })
  })

  it.each([1, 7, 10_000])('reads the lines of a stream that comes %i bytes at a time', async (size) => {
    const bytes = Buffer.from(`${BCRYPT}\r\n${MD5}\n\n{SSHA}ä\n${YESCRYPT}`)
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
      bytes.subarray(at * size, (at + 1) * size),
    )
    for (const stream of [
      Readable.from(chunks, { objectMode: false }),
      Readable.from(chunks, { objectMode: false }).setEncoding('utf8'),
    ]) {
      expect(await inspectDump<string>(stream as AsyncIterable<string>, QUICK)).toMatchObject({
        rows: 5,
        empty: 1,
        schemes: [{ rows: 1 }, { rows: 1 }],
        refused: { malformed: { first: [4] }, unsupported: { first: [5] } },
      })
    }
  })

  it('measures what the hashes cost here', async () => {
    const report = await inspectDump([BCRYPT, MD5], { calibrate: QUICK.calibrate })
    const [bcrypt, md5] = ['bcrypt', 'ldap-md5'].map((name) => report.schemes.find(({ scheme }) => scheme === name))
    expect(bcrypt?.costs[0]?.ms).toBeGreaterThan(0.3)
    expect(md5?.costs[0]?.ms).toBeLessThan(1)
    expect(report.suggested.advice).toEqual(['wrap'])
  })

  it('holds no hash and no row', async () => {
    const report = JSON.stringify(await inspectDump([BCRYPT, MD5, BOMB, YESCRYPT, 'plain text password'], QUICK))
    for (const secret of [BCRYPT, MD5, BOMB, YESCRYPT, 'plain text']) expect(report).not.toContain(secret.slice(-12))
  })

  it('stays within bounded memory, however much there is', { timeout: 120_000 }, async () => {
    const rows = process.env['TWINSPAN_LONG'] === '1' ? 3_000_000 : 200_000
    function* many(): Generator<string> {
      for (const hash of bcrypts(rows)) yield hash
      // One cost after another, that no table has.
      for (let at = 1; at < 5_000; at++)
        yield `$5$rounds=${1_000 + at}$GX7BopJZJxPc/KEK$le16UF8I2Anb.rOrn22AUPWvzUETDGefUmAV8AZkGcD`
    }
    globalThis.gc?.()
    const before = process.memoryUsage().heapUsed
    const report = await inspectDump(many(), QUICK)
    expect(report.rows).toBe(rows + 4_999)
    expect(report.schemes).toMatchObject([{ rows }, { rows: 4_999, costs: { length: 8 } }])
    expect(report.duplicates).toMatchObject({ exact: false, rows: 0 })
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(120e6)
  })

  it('stops when it is told to', async () => {
    await expect(
      inspectDump(bcrypts(10), { ...QUICK, signal: AbortSignal.abort(new Error('enough')) }),
    ).rejects.toThrow('enough')
  })
})

describe('duplicates', () => {
  it('are counted exactly while there is room, and estimated from a fair share when there is not', () => {
    const [exact, sampled] = [createDuplicates(), createDuplicates(512)]
    // 20,000 texts; every fourth comes three times.
    for (const duplicates of [exact, sampled]) {
      for (let at = 0; at < 20_000; at++) {
        for (let time = 0; time < (at % 4 === 0 ? 3 : 1); time++) duplicates.see(`hash ${at}`, 'md5')
      }
    }
    expect(exact.count()).toEqual({ exact: true, rows: 10_000, groups: 5_000, largest: 3, byScheme: { md5: 10_000 } })
    const { exact: all, rows, groups, largest } = sampled.count()
    expect({ all, largest }).toEqual({ all: false, largest: 3 })
    expect(rows).toBeGreaterThan(7_000)
    expect(rows).toBeLessThan(13_000)
    expect(groups).toBe(rows / 2)
  })
})

describe('lines', () => {
  it('that never end do not fill the memory', async () => {
    const lines: string[] = []
    for await (const line of linesOf(Array<string>(50).fill('x'.repeat(10_000)))) lines.push(line)
    expect(lines).toEqual(['x'.repeat(65_536)])
  })
})
