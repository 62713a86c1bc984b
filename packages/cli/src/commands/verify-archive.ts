import { resolve } from 'node:path'
import { type VerifyReport, verifyArchive } from '@twinspan/cutover'
import { Option } from 'commander'
import type { CommandDefinition } from '../command.ts'
import { clean, count, counted, wrap } from '../text.ts'

interface VerifyArchiveOptions {
  readonly manifest?: string
  readonly compare?: boolean
}

export const verifyArchiveCommand: CommandDefinition<VerifyArchiveOptions> = {
  usage: 'verify-archive <directory>',
  summary: 'read an archive back to its last byte',
  details:
    'Needs no database and no configuration, except to compare. Status 1 when the archive is not what was written.',
  examples: ['verify-archive ./legacy-archive', 'verify-archive ./legacy-archive --compare --manifest 4f1c...'],
  options: [
    new Option('--manifest <sha256>', "the manifest's SHA-256 as archive told it"),
    new Option('--compare', 'hold every row against legacy as it is now'),
  ],
  async run({ host, output, open }, { manifest, compare = false }, [given = '']) {
    const directory = resolve(host.cwd, given)
    const session = compare ? await open() : undefined
    const report: VerifyReport = await verifyArchive(directory, {
      signal: host.signal,
      ...(manifest === undefined ? {} : { manifestSha256: manifest }),
      ...(session === undefined ? {} : { entities: session.migration.entities }),
    })
    output.object(report)
    const { ok, rows, entities, problems, migration } = report
    output.lines(
      ok
        ? `${output.paint('good', 'Sound.')} ${counted(rows, 'row')} of "${clean(migration)}" are what was written.`
        : output.paint('bad', 'Not what was written.'),
      ...entities.map(({ entity, rows: held }) => `  ${clean(entity).padEnd(20)}${count(held).padStart(12)}`),
      ...problems.flatMap((problem) => wrap(`  ${clean(problem)}.`, output.width)),
    )
    return ok ? 'done' : 'blocked'
  },
}
