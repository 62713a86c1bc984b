import { type BackfillControl, backfillControl, type ControlState, type LiveOptions } from '@twinspan/backfill'
import { Option } from 'commander'
import { appendable } from '../audit-entry.ts'
import type { Answerable, CommandDefinition, Context } from '../command.ts'
import type { Outcome } from '../exit-status.ts'
import { numberBetween } from '../numbers.ts'
import { clean } from '../text.ts'
import { UsageError } from '../usage-error.ts'

const backfillPause: CommandDefinition<Answerable> = {
  under: 'backfill',
  usage: 'pause [entities...]',
  summary: 'have every worker wait after the chunk at work',
  details: 'In all processes, until resume. A worker that waits keeps what it has claimed.',
  examples: ['backfill pause --reason "month-end closing"', 'backfill pause users --reason "a slow disk"'],
  changes: true,
  run: (context, by, names) => steer(context, by, names, (control) => control.pause()),
}

const backfillResume: CommandDefinition<Answerable> = {
  under: 'backfill',
  usage: 'resume [entities...]',
  summary: 'take back what pause or cancel ordered',
  details: 'Workers that wait go on by themselves; where they were cancelled, start one with twinspan backfill.',
  examples: ['backfill resume --reason "closed"'],
  changes: true,
  run: (context, by, names) => steer(context, by, names, (control) => control.resume()),
}

const backfillCancel: CommandDefinition<Answerable> = {
  under: 'backfill',
  usage: 'cancel [entities...]',
  summary: 'end every worker after the chunk at work, and those that are started, until resume',
  examples: ['backfill cancel --reason "legacy is moved tonight"'],
  changes: true,
  run: (context, by, names) => steer(context, by, names, (control) => control.cancel()),
}

interface ConfigureFlags extends Answerable {
  readonly maxLoad?: number
  readonly chunkRows?: number
  readonly chunkMs?: number
  readonly clear?: boolean
}

const backfillConfigure: CommandDefinition<ConfigureFlags> = {
  under: 'backfill',
  usage: 'configure [entities...]',
  summary: 'change the pace of all workers while they are at work',
  details: 'Holds for workers of the future as well. What is not named stays as it was ordered.',
  examples: ['backfill configure --max-load 0.2 --reason "daytime"', 'backfill configure --clear --reason "night"'],
  changes: true,
  options: [
    new Option('--max-load <share>', 'share of the time that a worker may keep legacy busy').argParser(
      numberBetween(0.001, 1),
    ),
    new Option('--chunk-rows <rows>', 'the most rows in a chunk').argParser(numberBetween(1)),
    new Option('--chunk-ms <milliseconds>', 'how long a chunk should take').argParser(numberBetween(1)),
    new Option('--clear', 'give each worker its own options again'),
  ],
  async run(context, { maxLoad, chunkRows, chunkMs, clear = false, ...by }, names) {
    const wanted: LiveOptions = {
      ...(maxLoad === undefined ? {} : { maxLegacyLoad: maxLoad }),
      ...(chunkRows === undefined ? {} : { maxChunkRows: chunkRows }),
      ...(chunkMs === undefined ? {} : { chunkTargetMs: chunkMs }),
    }
    const named = Object.keys(wanted).length
    if (clear === named > 0) {
      const why = clear ? 'Option --clear cannot be used with another one.' : 'There is nothing to configure.'
      throw new UsageError(why, 'Name --max-load, --chunk-rows, --chunk-ms, or --clear alone.')
    }
    const options = clear ? { maxLegacyLoad: undefined, maxChunkRows: undefined, chunkTargetMs: undefined } : wanted
    return steer(context, by, names, (control) => control.configure(options))
  },
}

export const BACKFILL_CONTROL: readonly CommandDefinition<never>[] = [
  backfillPause,
  backfillResume,
  backfillCancel,
  backfillConfigure,
]

async function steer(
  { output, open }: Context,
  by: Answerable,
  names: readonly string[],
  order: (control: BackfillControl) => Promise<void>,
): Promise<Outcome> {
  const session = await open()
  const { migration } = session
  for (const entity of session.entities(names)) {
    const control = backfillControl(migration, entity)
    const before = await control.read()
    // An order that nobody answers for is not given.
    const audit = appendable(migration, 'backfill', '', '', by)
    await order(control)
    const state = await control.read()
    const told = (what: ControlState): string => `${entity.name}: ${inWords(what)}`
    await migration.store.appendAudit({ ...audit, from: told(before), to: told(state) })
    output.object({ entity: entity.name, ...state })
    output.lines(`${output.paint('good', 'Done.')} ${clean(entity.name)}: ${WORDS[state.order]}${pace(state)}`)
  }
  return 'done'
}

const WORDS: Readonly<Record<ControlState['order'], string>> = {
  go: 'workers go on',
  pause: 'workers wait after the chunk at work',
  cancel: 'workers end after the chunk at work',
}

function inWords({ order, options }: ControlState): string {
  return [order, ...entries(options)].join(', ')
}

function pace({ options }: ControlState): string {
  const ordered = entries(options)
  return ordered.length === 0 ? '' : `; ordered: ${ordered.join(', ')}`
}

function entries(options: LiveOptions): readonly string[] {
  return Object.entries(options).map(([name, value]) => `${name} ${value}`)
}
