import { resolve } from 'node:path'
import type { Answerable, CommandDefinition } from '../command.ts'
import { createProgress } from '../progress.ts'
import { count, counted } from '../text.ts'

export const archive: CommandDefinition<Answerable> = {
  usage: 'archive <directory>',
  summary: 'write what legacy holds into a directory of its own, and read it back',
  details: 'Only in complete. Stopped or killed, it goes on when it is started again with the same directory.',
  examples: ['archive ./legacy-archive --reason "before legacy goes"'],
  changes: true,
  async run({ host, output, open }, { actor, reason }, [directory = '']) {
    const session = await open()
    const progress = createProgress(host, output)
    const to = resolve(host.cwd, directory)
    try {
      const report = await session.cutover({ drives: false }).archive({
        to,
        actor,
        reason,
        signal: host.signal,
        onProgress: ({ entity, rows }) => progress.update(entity, { done: rows, total: null, note: 'written' }),
      })
      progress.stop()
      const { manifestSha256, kept, verified } = report
      output.object({ directory: to, manifestSha256, kept, verified })
      output.lines(
        `${output.paint('good', 'Done.')} ${counted(verified.rows, 'row')} in ${report.directory}, read back.`,
        ...verified.entities.map(({ entity, rows }) => `  ${entity.padEnd(20)}${count(rows).padStart(12)}`),
        `Manifest ${manifestSha256}`,
        'Keep that line elsewhere: with it a changed manifest is found too.',
      )
      return 'done'
    } finally {
      progress.stop()
    }
  },
}
