import { readFileSync } from 'node:fs'
import { type Argument, Command, Option } from 'commander'
import type { CommandDefinition, GlobalOptions } from './command.ts'
import { EXIT_STATUS } from './exit-status.ts'
import type { Host } from './host.ts'

export type AnyCommand = CommandDefinition<never>

/** The command line of all `commands`; `perform` is called for the one that was asked for. */
export function createProgram(
  host: Host,
  commands: readonly AnyCommand[],
  perform: (command: AnyCommand, options: GlobalOptions, args: readonly string[]) => Promise<void>,
): Command {
  const program: Command = new Command('twinspan')
    .description('Drives a migration from one data store to another.')
    .version(version())
    .option('-c, --config <file>', 'the configuration (default: twinspan.config.ts)')
    .option('--json', 'objects for machines, one on a line')
    .exitOverride()
    .showHelpAfterError('Add --help for the options and examples.')
    .configureHelp({
      showGlobalOptions: true,
      helpWidth: 80,
      subcommandTerm: (command) => [command.name(), ...command.registeredArguments.map(termOf)].join(' '),
      // Those of a command above are not: they have to stand before this one's name.
      visibleGlobalOptions: (command) =>
        command === program
          ? []
          : program
              .createHelp()
              .visibleOptions(program)
              .filter(({ long }) => long !== '--help'),
    })
    .configureOutput({
      writeOut: (text) => host.stdout.write(text),
      writeErr: (text) => host.stderr.write(text),
    })
    .addHelpText('after', `\nExit status:\n${statuses()}`)

  for (const command of commands) {
    const parent = program.commands.find((known) => known.name() === command.under)
    // Options that the command above has too are read by it, and come with all others: optsWithGlobals.
    const added = (parent ?? program).command(command.usage).summary(command.summary)
    added.description([command.summary, command.details].filter((text) => text !== undefined).join('\n\n'))
    for (const option of [...(command.options ?? []), ...(command.changes === true ? answerable(host) : [])]) {
      added.addOption(option)
    }
    added.addHelpText('after', `\nExamples:\n${command.examples.map((line) => `  $ twinspan ${line}`).join('\n')}`)
    added.action((...given: unknown[]) => {
      const self = given.at(-1) as Command
      return perform(command, self.optsWithGlobals<GlobalOptions>(), self.args)
    })
  }
  return program
}

function termOf(argument: Argument): string {
  const name = argument.variadic ? `${argument.name()}...` : argument.name()
  return argument.required ? `<${name}>` : `[${name}]`
}

function answerable({ env }: Host): readonly Option[] {
  const user = env['USER'] || env['USERNAME']
  const actor = new Option('--actor <name>', 'who answers for it, for the audit trail')
  return [
    user ? actor.default(user) : actor.makeOptionMandatory(),
    new Option('--reason <text>', 'why, for the audit trail').makeOptionMandatory(),
  ]
}

function statuses(): string {
  return Object.values(EXIT_STATUS)
    .map(({ status, means }) => `  ${String(status).padStart(3)}  ${means}`)
    .join('\n')
}

function version(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(manifest) as { readonly version: string }).version
}
