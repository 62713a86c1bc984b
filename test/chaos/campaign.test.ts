import { expect, it } from 'vitest'
import { eachEngine } from '../support/engines.ts'
import { campaign } from './campaign.ts'

await eachEngine((engine) => {
  if (engine.name !== 'postgres') return
  it('loses nothing while processes are killed and stopped, sessions are ended and the primary is switched', async () => {
    const report = await campaign({ legacy: 'postgres', seconds: 8, seed: 20_260 })
    expect(report).toMatchObject({ lost: [], divergent: [] })
    expect(report.acknowledged).toBeGreaterThan(500)
    expect(Object.keys(report.faults).length).toBeGreaterThan(1)
  }, 150_000)
})
