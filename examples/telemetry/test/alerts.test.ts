import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { alerts, file, missing, root, ruleTests, runbook } from './operations.ts'

const reason = missing('promtool')
const skipped = reason === undefined ? '' : ` (skipped: ${reason})`

describe.skipIf(reason !== undefined)(`promtool${skipped}`, () => {
  const promtool = (...args: readonly string[]): string =>
    execFileSync('promtool', args, { cwd: root, encoding: 'utf8' })

  it('accepts the rules and the configuration of the example', () => {
    expect(promtool('check', 'rules', file('alerts.yaml'))).toContain(`${alerts.length} rules found`)
    expect(promtool('check', 'config', 'examples/telemetry/prometheus.yml')).toContain('SUCCESS')
  })

  it('sees each alert fire, and keep quiet where it should', () => {
    expect(promtool('test', 'rules', file('alerts.test.yaml'))).toContain('SUCCESS')
  })
})

it('every alert is tried both ways', () => {
  expect(ruleTests).toEqual(
    alerts.flatMap((name) => [
      { name: `${name} fires`, fires: true },
      { name: `${name} is quiet`, fires: false },
    ]),
  )
})

it('every alert has its section in the runbook', () => {
  expect(runbook).toEqual(alerts)
})
