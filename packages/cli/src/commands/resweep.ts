import { outcomeOf, type ResweepRecord, reconcile } from '@twinspan/reconcile'
import { Option } from 'commander'
import type { CommandDefinition } from '../command.ts'
import { type CompareFlags, MAX_LOAD, OUTCOMES, REPAIR, REVEAL, worst } from '../compare-flags.ts'
import type { Outcome } from '../exit-status.ts'
import { createFindingTeller } from '../finding-teller.ts'
import { numberBetween } from '../numbers.ts'
import { clean, count } from '../text.ts'
import { listen } from './reconcile.ts'

interface ResweepFlags extends CompareFlags {
  readonly rotation?: number
}

export const resweep: CommandDefinition<ResweepFlags> = {
  usage: 'resweep [entities...]',
  summary: 'compare what changed since the last sweep, and a share of the rest',
  details:
    'After reconcile --track. It says nothing of rows that it did not look at, and no gate asks for it: the switch wants a whole sweep.',
  examples: ['resweep', 'resweep users --rotation 0.2 --repair'],
  options: [
    REPAIR(),
    REVEAL(),
    MAX_LOAD('0.2'),
    new Option(
      '--rotation <share>',
      'share of all rows compared besides, another one each time (default: 0.05)',
    ).argParser(numberBetween(0, 1)),
  ],
  async run({ host, output, open }, { repair = false, reveal, rotation, maxLoad }, names) {
    const session = await open()
    if (repair) session.mirror()
    const outcomes: Outcome[] = []
    for (const entity of session.entities(names)) {
      const teller = createFindingTeller(output)
      const options = {
        repair,
        reveal,
        signal: host.signal,
        ...(rotation === undefined ? {} : { rotation }),
        ...(maxLoad === undefined ? {} : { maxPrimaryLoad: maxLoad }),
      }
      const record = await listen(reconcile.resweep(session.migration, entity, options), teller.tell)
      teller.end('--json has all of them')
      output.object({ type: 'resweep', ...record })
      output.lines(...recordLines(record))
      outcomes.push(OUTCOMES[outcomeOf(record)])
    }
    return worst(outcomes)
  },
}

function recordLines({ entity, changed, rotated, drift, undecided, repaired }: ResweepRecord): readonly string[] {
  const mended = repaired === 0 ? '' : ` (${count(repaired)} repaired)`
  return [
    `${clean(entity)}: ${count(changed)} changed and ${count(rotated)} more compared, ${count(drift)} drifted${mended}, ${count(undecided)} undecided`,
  ]
}
