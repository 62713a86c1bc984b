import type { Option } from 'commander'
import type { Outcome } from './exit-status.ts'
import type { Host } from './host.ts'
import type { Output } from './output.ts'
import type { Session } from './session.ts'

/** What a command works with. */
export interface Context {
  readonly host: Host
  readonly output: Output
  /** Loads the configuration and starts the migration. It is stopped and closed at the end of the command. */
  open(): Promise<Session>
}

/** One command as a row of facts. */
export interface CommandDefinition<Options> {
  /** The command that this one stands under: `'backfill'` of `backfill pause`. */
  readonly under?: string
  /** With its arguments: `'advance [phase]'`. */
  readonly usage: string
  readonly summary: string
  /** What one would not guess. */
  readonly details?: string
  /** Without the leading `twinspan`. */
  readonly examples: readonly string[]
  /** Whether somebody has to answer for it: `--actor` and `--reason`. */
  readonly changes?: boolean
  readonly options?: readonly Option[]
  run(context: Context, options: Options & GlobalOptions, args: readonly string[]): Promise<Outcome>
}

export interface GlobalOptions {
  readonly config?: string
  readonly json?: boolean
}

/** The options of a command that changes something. */
export interface Answerable {
  readonly actor: string
  readonly reason: string
}
