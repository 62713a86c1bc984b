// npm start -- [--rows=N] [--workers=N] [--shards=N] [--server=URL]
import { parseArgs } from 'node:util'
import pg from 'pg'
import { run, type Summary } from './run.ts'

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '200000' },
    workers: { type: 'string', default: '4' },
    shards: { type: 'string', default: '16' },
    server: {
      type: 'string',
      default: process.env['TWINSPAN_PG_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres',
    },
  },
})

function count(name: 'rows' | 'workers' | 'shards', least: number): number {
  const value = Number(values[name])
  if (Number.isInteger(value) && value >= least) return value
  console.error(`--${name} takes a whole number from ${least} on`)
  process.exit(2)
}

/** Why nothing answers there; `undefined` when it does. */
async function whyNot(connectionString: string): Promise<string | undefined> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 3_000 })
  try {
    await client.connect()
    return undefined
  } catch (error) {
    return (error as { code?: string }).code ?? 'it does not answer'
  } finally {
    await client.end().catch(() => {})
  }
}

function tell({ legacyRows, targetRows, differences, drift, writes, workers, seconds, swept, copied }: Summary): void {
  console.log(`\nrows on legacy, on target      ${legacyRows}, ${targetRows}`)
  console.log(`differences, drift             ${differences}, ${drift}`)
  console.log(`rows copied, rows swept        ${copied}, ${swept}, as the workers told`)
  console.log(`writes of customers meanwhile  ${writes}`)
  for (const worker of workers) {
    const end = worker.killed ? ', then killed' : ''
    console.log(`worker ${worker.number}                       copied ${worker.copied}, swept ${worker.swept}${end}`)
  }
  console.log(`seconds                        ${seconds}`)
}

const reason = await whyNot(values.server)
if (reason !== undefined) {
  console.error(
    `No PostgreSQL (${reason}). Start one, with docker compose up --wait for example, or name one with --server=URL.`,
  )
  process.exit(2)
}
const summary = await run({
  server: values.server,
  rows: count('rows', 1_000),
  // One of them is killed.
  workers: count('workers', 2),
  shards: count('shards', 1),
  restMs: 20,
  say: (line) => console.log(line),
})
tell(summary)
process.exit(summary.differences === 0 && summary.drift === 0 ? 0 : 1)
