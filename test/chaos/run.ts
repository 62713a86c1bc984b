// npm run chaos -- [--minutes=N] [--seed=S] [--legacy=postgres|mariadb] [--capture=trigger|transaction]
//                  [--subject=twinspan|launchdarkly] [--pace=X] [--json]
// npm run chaos -- --backfill [--rows=N] [--kills=N] [--mapping=functions|columns] [--seed=S] [--legacy=postgres|mariadb] [--json]
// npm run chaos -- --heap [--minutes=N] [--seed=S] [--legacy=postgres|mariadb] [--json]
import { parseArgs } from 'node:util'
import { backfillCampaign } from './backfill/campaign.ts'
import { isClean as isFlawless, render as renderBackfill } from './backfill/report.ts'
import { campaign } from './campaign.ts'
import { measureHeap } from './heap.ts'
import { isClean, render } from './report.ts'

const CHOICES = {
  legacy: ['postgres', 'mariadb'],
  capture: ['trigger', 'transaction'],
  subject: ['twinspan', 'launchdarkly'],
  mapping: ['functions', 'columns'],
} as const

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    legacy: { type: 'string', default: 'postgres' },
    capture: { type: 'string', default: 'trigger' },
    subject: { type: 'string', default: 'twinspan' },
    pace: { type: 'string', default: '1' },
    heap: { type: 'boolean', default: false },
    backfill: { type: 'boolean', default: false },
    rows: { type: 'string', default: '1000000' },
    kills: { type: 'string', default: '100' },
    mapping: { type: 'string', default: 'functions' },
    json: { type: 'boolean', default: false },
  },
})

function choice<Name extends keyof typeof CHOICES>(name: Name): (typeof CHOICES)[Name][number] {
  const found = CHOICES[name].find((one) => one === values[name])
  return found ?? refuse(name, CHOICES[name].join(' or '))
}

function number(
  name: 'minutes' | 'seed' | 'pace' | 'rows' | 'kills',
  what: string,
  fits: (value: number) => boolean,
): number {
  const value = Number(values[name])
  return fits(value) ? value : refuse(name, what)
}

function refuse(name: string, what: string): never {
  console.error(`--${name} takes ${what}`)
  process.exit(2)
}

const interrupted = new AbortController()
process.once('SIGINT', () => interrupted.abort())
process.once('SIGTERM', () => interrupted.abort())
const say = (text: string): void => void process.stderr.write(`${text}\n`)

const common = {
  legacy: choice('legacy'),
  seconds: number('minutes', 'a number above 0', (value) => value > 0) * 60,
  seed: number('seed', 'a whole number', Number.isInteger),
  signal: interrupted.signal,
  say,
}

/** What the heap of a service may grow by while the target is down. */
const MAX_MB_PER_HOUR = 1

if (values.heap) {
  const report = await measureHeap(common)
  if (values.json) console.log(JSON.stringify(report))
  else for (const [what, figure] of Object.entries(report)) console.log(`  ${what.padEnd(20)} ${figure}`)
  process.exit(report.slopeMbPerHour <= MAX_MB_PER_HOUR && report.errors === 0 ? 0 : 1)
}

if (values.backfill) {
  const isCount = (value: number): boolean => Number.isInteger(value) && value >= 1
  const report = await backfillCampaign({
    ...common,
    rows: number('rows', 'a whole number from 1 on', isCount),
    mapping: choice('mapping'),
    kills: number('kills', 'a whole number from 1 on', isCount),
  })
  if (values.json) console.log(JSON.stringify(report))
  else for (const line of renderBackfill(report)) console.log(line)
  process.exit(isFlawless(report) ? 0 : 1)
}

const report = await campaign({
  ...common,
  capture: choice('capture'),
  subject: choice('subject'),
  pace: number('pace', 'a number from 0 on', (value) => value >= 0),
})
if (values.json) console.log(JSON.stringify(report))
else for (const line of render(report)) console.log(line)
process.exit(isClean(report) ? 0 : 1)
