// npm run chaos -- [--minutes=N] [--seed=S] [--legacy=postgres|mariadb]
import { parseArgs } from 'node:util'
import { campaign } from './campaign.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    legacy: { type: 'string', default: 'postgres' },
  },
})
const minutes = Number(values.minutes)
const seed = Number(values.seed)
const { legacy } = values
if (!(minutes > 0) || !Number.isInteger(seed) || (legacy !== 'postgres' && legacy !== 'mariadb')) {
  console.error('Usage: npm run chaos -- [--minutes=N] [--seed=S] [--legacy=postgres|mariadb]')
  process.exit(2)
}

console.log(`chaos: ${legacy} to postgres, ${minutes} minutes, seed ${seed}`)
const report = await campaign({ legacy, seconds: minutes * 60, seed, say: console.log })
for (const [what, count] of Object.entries({ ...report.faults, ...report.changes })) {
  console.log(`  ${what.padEnd(24)} ${count}`)
}
console.log(`  ${'writes acknowledged'.padEnd(24)} ${report.acknowledged}`)
console.log(`  ${'writes unknown'.padEnd(24)} ${report.unknown}`)
console.log(`  ${'lost'.padEnd(24)} ${report.lost.length}`)
console.log(`  ${'divergent'.padEnd(24)} ${report.divergent.length}`)
for (const line of [...report.lost, ...report.divergent]) console.log(`  ${line}`)
process.exit(report.lost.length + report.divergent.length === 0 ? 0 : 1)
