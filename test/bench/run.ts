// npm run bench -- NAME [--json] [args of the bench]
import { readdirSync } from 'node:fs'

import type { Cases, Measurement } from './bench.ts'

const SUFFIX = '.bench.ts'
const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith(SUFFIX))
  .map((file) => file.slice(0, -SUFFIX.length))
  .sort()

const args = process.argv.slice(2).filter((arg) => arg !== '--json')
const json = process.argv.includes('--json')
const [name = '', ...rest] = args

if (names.includes(name)) {
  const { cases } = (await import(`./${name}${SUFFIX}`)) as { cases: Cases }
  await measure(cases)
} else {
  if (name !== '') console.error(`There is no bench "${name}".`)
  console.error(`Usage: npm run bench -- NAME [--json]\nBenches: ${names.join(', ') || 'none yet'}`)
  process.exitCode = name === '' ? 0 : 2
}

async function measure(cases: Cases): Promise<void> {
  const note = (text: string): void => void process.stderr.write(`${text}\n`)
  const rows: ({ readonly case: string } & Measurement)[] = []
  for (const [label, run] of Object.entries(cases)) {
    for (const { metric, value, unit } of await run({ args: rest, note })) {
      if (!Number.isFinite(value)) throw new Error(`Case "${label}" measured ${value} as its ${metric}.`)
      const row = { case: label, metric, value, unit }
      rows.push(row)
      if (json) console.log(JSON.stringify(row))
    }
  }
  if (!json) console.log(table(rows))
}

function table(rows: readonly ({ readonly case: string } & Measurement)[]): string {
  const cells = rows.map((row) => [row.case, row.metric, round(row.value), row.unit])
  const widths = [0, 1, 2].map((column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)))
  return cells
    .map(([label = '', metric = '', value = '', unit = '']) =>
      [label.padEnd(widths[0] ?? 0), metric.padEnd(widths[1] ?? 0), value.padStart(widths[2] ?? 0), unit].join('  '),
    )
    .join('\n')
}

/** Four digits that matter: 0.06312 and 66,120 are both read at a glance. */
function round(value: number): string {
  return value.toLocaleString('en-US', { maximumSignificantDigits: Math.abs(value) < 1000 ? 4 : 5 })
}
