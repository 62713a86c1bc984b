import { appendable } from '../audit-entry.ts'
import type { Answerable, CommandDefinition } from '../command.ts'
import { counted } from '../text.ts'

export const retry: CommandDefinition<Answerable> = {
  usage: 'retry [entities...]',
  summary: 'copy rows that failed or are parked once more, now',
  details:
    'Their attempts count anew. The mirror of this command copies what it can before it ends; status 4 where one of the rows is still not copied.',
  examples: ['retry --reason "the column is wide enough now"', 'retry users --reason "checked" --actor ops'],
  changes: true,
  async run({ host, output, open }, { actor, reason }, names) {
    const session = await open()
    const { migration } = session
    const { journal } = migration.sides[migration.snapshot.plan.primary]
    const entities = session.entities(names).map(({ name }) => name)
    const audit = appendable(migration, 'retry', '', entities.join(', '), { actor, reason })
    let retried = 0
    for (const entity of entities) retried += await journal.retry(entity)
    await migration.store.appendAudit(audit)
    // What is due now is what was retried, and some rows that were written a moment ago.
    const due = retried === 0 ? [] : await journal.read({ limit: 10_000 })
    await session.mirror()?.drain({ budgetMs: BUDGET_MS, signal: host.signal })
    if (host.signal.aborted) return 'interrupted'

    let failing = 0
    for (const entity of entities) {
      const keys = new Set(due.filter((row) => row.entity === entity).map(({ key }) => key))
      if (keys.size > 0) failing += (await journal.dirty(entity, [...keys])).size
    }
    const { depth, parked: left } = await journal.stats()
    output.object({ migration: migration.name, entities, retried, failing, journal: { depth, parked: left } })
    const done = failing === 0 ? output.paint('good', 'Done.') : output.paint('doubt', 'Tried.')
    output.lines(
      `${done} ${counted(retried, 'row')} that had failed ${retried === 1 ? 'was' : 'were'} tried once more.`,
    )
    if (failing > 0)
      output.lines(`${counted(failing, 'key')} not copied yet; the mirror goes on trying, and parks it in the end.`)
    return failing === 0 ? 'done' : 'unsettled'
  },
}

const BUDGET_MS = 30_000
