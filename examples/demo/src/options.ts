import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

export interface DemoOptions {
  /** Drops the journal row of one acknowledged write on purpose: the report must notice. */
  readonly sabotage: 'lose-write' | undefined
  /** A second place for the report's JSON. */
  readonly json: string | undefined
  /** Keeps the service and its target running after the report. */
  readonly serve: boolean
  /** A twentieth of the places and shorter pauses, for a first look and for tests. */
  readonly quick: boolean
  /** Where databases, ledger, logs and report live. Emptied at the start. */
  readonly data: string
}

export const USAGE = `npm run demo -- [options]

  --quick                 6,000 places and shorter pauses
  --sabotage=lose-write   drop one journal row on purpose; the report must name the lost write
  --json=FILE             write the report to FILE as well
  --serve                 keep the service running afterwards
  --data=FOLDER           working folder, emptied at the start (default: examples/demo/.data)
`

/** @throws TypeError for an option that does not exist or a value that it does not take. */
export function parseOptions(args: readonly string[]): DemoOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      serve: { type: 'boolean', default: false },
      sabotage: { type: 'string' },
      json: { type: 'string' },
      data: { type: 'string', default: resolve(import.meta.dirname, '../.data') },
    },
  })
  if (values.help) return 'help'
  if (values.sabotage !== undefined && values.sabotage !== 'lose-write') {
    throw new TypeError(`--sabotage takes lose-write, got ${values.sabotage}`)
  }
  return {
    sabotage: values.sabotage,
    json: values.json === undefined ? undefined : resolve(values.json),
    serve: values.serve,
    quick: values.quick,
    data: resolve(values.data),
  }
}
