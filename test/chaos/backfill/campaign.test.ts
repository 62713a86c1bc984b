import { describe, expect, it } from 'vitest'
import { eachEngine } from '../../support/engines.ts'
import { backfillCampaign } from './campaign.ts'
import { MAPPINGS, MISTAKES, type Mistake } from './messages.ts'
import { repetitions } from './repetitions.ts'
import { type BackfillReport, isClean } from './report.ts'

const isLong = process.env['TWINSPAN_LONG'] === '1'

const FLAWLESS = {
  duplicates: [],
  resurrected: [],
  overwritten: [],
  missing: [],
  different: [],
  lost: [],
  errors: [],
  failures: [],
  skippedChunks: 0,
} satisfies Partial<BackfillReport>

const deathsOf = ({ kills }: BackfillReport): number => Object.values(kills).reduce((sum, one) => sum + one, 0)

await eachEngine((engine) => {
  if (engine.name !== 'postgres' && engine.name !== 'mariadb') return
  const legacy = engine.name

  describe(`a backfill of ${legacy} whose worker is killed with SIGKILL, while users write and delete`, () => {
    it.runIf(isLong || legacy === 'postgres')(
      'repeats one chunk at most, and nothing comes twice, comes back or becomes older',
      async () => {
        const options = { legacy, rows: 20_000, kills: 3, seed: 7, users: 4, claimMs: 800 }
        const report = await backfillCampaign({ ...options, mapping: 'columns' })
        expect(report).toMatchObject(FLAWLESS)
        expect(report.mostRepeatedChunks).toBe(1)
        expect(isClean(report)).toBe(true)
        expect(deathsOf(report)).toBe(3)
        expect(report.targetRows).toBe(report.legacyRows)
        expect(report.acknowledged).toBeGreaterThan(100)
        expect(report.asText).toBeGreaterThan(0)
      },
      120_000,
    )

    it.runIf(isLong).each(MAPPINGS)(
      'does so for a million rows and a hundred deaths, mapped by %s',
      async (mapping) => {
        const report = await backfillCampaign({ legacy, rows: 1_000_000, kills: 100, seed: 11, mapping })
        expect(report).toMatchObject(FLAWLESS)
        expect(report.mostRepeatedChunks).toBe(1)
        expect(deathsOf(report)).toBe(100)
        expect(report.targetRows).toBe(report.legacyRows)
      },
      3_600_000,
    )
  })

  const CAUGHT: Readonly<Record<Mistake, (report: BackfillReport) => number>> = {
    overwrites: ({ overwritten }) => overwritten.length,
    'compares-nothing': ({ resurrected }) => resurrected.length,
    'begins-again': ({ mostRepeatedChunks }) => mostRepeatedChunks - 1,
  }

  const wrong = MISTAKES.flatMap((mistake) => MAPPINGS.map((mapping) => [mistake, mapping] as const))
  it.runIf(isLong && legacy === 'postgres').each(wrong)(
    'catches a worker that %s, mapped by %s',
    async (mistake, mapping) => {
      const report = await backfillCampaign({ legacy, rows: 20_000, kills: 3, seed: 1, mistake, mapping })
      expect(isClean(report)).toBe(false)
      expect(CAUGHT[mistake](report)).toBeGreaterThan(0)
    },
    240_000,
  )
})

describe('repetitions', () => {
  const life = (checkpoint: number, ...chunks: readonly number[]) => ({
    checkpoint,
    asText: 0,
    reads: [...chunks],
    chunks: chunks.map((after) => ({ after, rows: 10 })),
  })

  it('counts the chunk that a worker left unfinished', () => {
    const lives = [life(20, -1, 10, 20), life(40, 20, 30), life(50, 40)]
    expect(repetitions(lives)).toEqual({
      chunks: 6,
      mostReadAgain: 1,
      mostRepeatedChunks: 1,
      repeatedChunks: { 0: 1, 1: 1 },
      repeatedRows: 10,
      skippedChunks: 0,
    })
  })

  it('counts what a worker begins again below the checkpoint', () => {
    expect(repetitions([life(20, -1, 10, 20), life(40, -1, 10, 20, 30)]).mostRepeatedChunks).toBe(3)
  })

  it('counts chunks that were read ahead of the checkpoint', () => {
    expect(repetitions([life(10, -1, 10, 20), life(40, 10, 20, 30)]).mostRepeatedChunks).toBe(2)
  })

  it('sees a chunk that nobody reads, behind a worker that read nothing', () => {
    expect(repetitions([life(20, -1, 10, 20), life(20), life(40, 30)]).skippedChunks).toBe(2)
  })

  it('takes no second try of one worker for a repetition', () => {
    expect(repetitions([life(10, -1, 10, 10), life(20, 10, 10)]).mostRepeatedChunks).toBe(1)
  })
})
