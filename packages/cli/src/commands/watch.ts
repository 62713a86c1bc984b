import { type Entity, readSweepRecord, type SweepRecord } from '@twinspan/core'
import { outcomeOf, reconcile } from '@twinspan/reconcile'
import { Option } from 'commander'
import type { CommandDefinition } from '../command.ts'
import { type CompareFlags, MAX_LOAD, OUTCOMES, REPAIR, REVEAL, worst } from '../compare-flags.ts'
import type { Outcome } from '../exit-status.ts'
import { createFindingTeller } from '../finding-teller.ts'
import { numberBetween } from '../numbers.ts'
import { clean, count, counted, duration, instant } from '../text.ts'
import { listen } from './reconcile.ts'

interface WatchFlags extends CompareFlags {
  readonly rest?: number
}

export const watch: CommandDefinition<WatchFlags> = {
  usage: 'watch [entities...]',
  summary: 'sweep again and again, slowly, until Ctrl-C: for the weeks of both sides',
  details:
    'An outage, or the switch, ends one sweep and not the watch. Status 1 when the last complete sweep of an entity found a difference.',
  examples: ['watch', 'watch --rest 3600 --max-load 0.05 --repair', 'watch --json >> sweeps.jsonl'],
  options: [
    REPAIR(),
    REVEAL(),
    MAX_LOAD('0.1'),
    new Option('--rest <seconds>', 'between two sweeps of an entity (default: 60)').argParser(numberBetween(0)),
  ],
  async run({ host, output, open }, { repair = false, reveal, maxLoad, rest }, names) {
    const session = await open()
    const { migration } = session
    if (repair) session.mirror()
    const last = new Map<string, Outcome>()

    async function tellSweep(entity: string): Promise<void> {
      const record = await readSweepRecord(migration.store, entity)
      if (record === undefined) return
      last.set(entity, OUTCOMES[outcomeOf(record)])
      output.object({ type: 'sweep', ...record })
      output.lines(sweepLine(record))
    }

    const watching = (entity: Entity): Promise<void> => {
      const teller = createFindingTeller(output)
      const sweeps = reconcile.watch(migration, entity, {
        repair,
        reveal,
        signal: host.signal,
        ...(maxLoad === undefined ? {} : { maxPrimaryLoad: maxLoad }),
        ...(rest === undefined ? {} : { restMs: rest * 1_000 }),
        onFailure: (error) =>
          output.note(`${clean(entity.name)}: this sweep failed (${clean(error)}); the next one is tried.`),
      })
      const unsubscribe = migration.events.on('compared', (event) => {
        if (event.entity !== entity.name) return
        teller.end('--json has all of them')
        void tellSweep(entity.name).catch(() => {})
      })
      return listen(sweeps, teller.tell).finally(unsubscribe)
    }
    await Promise.all(session.entities(names).map(watching))
    return worst([...last.values()])
  },
}

function sweepLine({ entity, rows, drift, undecided, repaired, startedAt, finishedAt }: SweepRecord): string {
  const found = drift > 0 ? `${count(drift)} drifted` : undecided > 0 ? `${count(undecided)} undecided` : 'equal'
  const mended = repaired === 0 ? '' : ` (${count(repaired)} repaired)`
  return `${instant(finishedAt)}  ${clean(entity)}: ${found}${mended}, ${counted(rows, 'row')} in ${duration(finishedAt - startedAt)}`
}
