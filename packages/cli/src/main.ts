import { CommanderError } from 'commander'
import type { Context, GlobalOptions } from './command.ts'
import { COMMANDS } from './commands/table.ts'
import type { Config } from './config.ts'
import { EXIT_STATUS, type Outcome, outcomeOfError } from './exit-status.ts'
import type { Host } from './host.ts'
import { loadConfig } from './load-config.ts'
import { createOutput } from './output.ts'
import { type AnyCommand, createProgram } from './program.ts'
import { reportError } from './report-error.ts'
import { openSession, type Session } from './session.ts'

export type LoadConfig = (cwd: string, file: string | undefined) => Promise<Config>

/** What the parser ends with although nothing is wrong. */
const ASKED_FOR = ['commander.helpDisplayed', 'commander.version']

/** Runs one command line and answers with its exit status. */
export async function main(argv: readonly string[], host: Host, load: LoadConfig = loadConfig): Promise<number> {
  let outcome: Outcome = 'done'
  const program = createProgram(host, COMMANDS, async (command, options, args) => {
    outcome = await perform(command, options, args, host, load)
  })
  try {
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    outcome = ASKED_FOR.includes(error.code) ? 'done' : 'usage'
  }
  return EXIT_STATUS[outcome].status
}

async function perform(
  command: AnyCommand,
  options: GlobalOptions,
  args: readonly string[],
  host: Host,
  load: LoadConfig,
): Promise<Outcome> {
  const output = createOutput(host, options.json === true)
  let session: Session | undefined
  const context: Context = {
    host,
    output,
    async open() {
      session ??= await openSession(await load(host.cwd, options.config))
      return session
    },
  }
  let outcome: Outcome
  try {
    outcome = await command.run(context, options as never, args)
  } catch (error) {
    outcome = host.signal.aborted ? 'interrupted' : outcomeOfError(error)
    if (outcome !== 'interrupted') reportError(host, output, error)
  }
  if (outcome === 'interrupted') output.note('Stopped. What is done stays done; the same command goes on from there.')
  try {
    await session?.close()
  } catch (error) {
    reportError(host, output, error)
    if (outcome === 'done') outcome = 'failed'
  }
  return outcome
}
