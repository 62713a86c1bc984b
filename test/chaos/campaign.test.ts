import { expect, it } from 'vitest'
import { eachEngine } from '../support/engines.ts'
import { campaign, type SoFar } from './campaign.ts'
import { FAILPOINT_NAMES, type Failpoint } from './failpoints.ts'
import { isClean } from './report.ts'

/** Several processes died at failpoints, and connections were hurt in several ways. */
function enough({ failpoints, faults }: SoFar): boolean {
  const names = Object.keys(failpoints).filter((name) => FAILPOINT_NAMES.includes(name as Failpoint))
  const links = Object.keys(faults).filter((kind) => /(refused|hung|reset|slowed down)$/.test(kind))
  return names.length >= 3 && links.length >= 3
}

await eachEngine((engine) => {
  if (engine.name !== 'postgres') return
  it('loses nothing while processes are killed and stopped, sessions are ended and the primary is switched', async () => {
    const report = await campaign({ legacy: 'postgres', seconds: 7, seed: 20_260, pace: 2, pauseMs: 30, enough })
    expect(report).toMatchObject({
      lost: [],
      lostMeanwhile: [],
      divergent: [],
      missed: [],
      undueErrors: [],
      crashes: [],
      drift: [],
    })
    expect(isClean(report)).toBe(true)
    expect(enough({ failpoints: report.kills, faults: report.faults })).toBe(true)
    expect(report.acknowledged).toBeGreaterThan(300)
  }, 150_000)
})
