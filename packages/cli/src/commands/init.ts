import { writeFile } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { captured } from '@twinspan/core'
import { captureSql } from '@twinspan/kysely'
import { Option } from 'commander'
import type { CommandDefinition, GlobalOptions } from '../command.ts'
import { configTemplate, ENGINES, type Engine } from '../config-template.ts'
import type { Session } from '../session.ts'
import { sqlScript } from '../sql-script.ts'
import { clean } from '../text.ts'

interface InitFlags {
  readonly name?: string
  readonly legacy: Engine
  readonly target: Engine
  readonly entity: string
}

export const init: CommandDefinition<InitFlags> = {
  usage: 'init',
  summary: 'write a configuration, or print the SQL that captures legacy with the one there is',
  details:
    'Where there is no configuration it writes one to fill in. Where there is one it leaves it alone and prints the statements that the step to capture runs, for those who read them first.',
  examples: ['init --legacy mariadb --target postgres --entity users', 'init > capture.sql'],
  options: [
    new Option('--name <name>', 'names the migration in both databases (default: the folder)'),
    new Option('--legacy <engine>', 'what legacy is').choices(ENGINES).default('sqlite'),
    new Option('--target <engine>', 'what target is').choices(ENGINES).default('postgres'),
    new Option('--entity <name>', 'the first entity and its table').default('users'),
  ],
  async run({ host, output, open }, flags: InitFlags & GlobalOptions) {
    const file = resolve(host.cwd, flags.config ?? 'twinspan.config.ts')
    const name = flags.name ?? basename(host.cwd)
    if (await writeNew(file, configTemplate({ ...flags, name }))) {
      output.object({ config: file, written: true, sql: [] })
      output.lines(
        `${output.paint('good', 'Wrote')} ${file}`,
        'Name your tables and columns in it, then:',
        '  twinspan init      prints the SQL that captures legacy',
        '  twinspan doctor    looks at both databases',
      )
      return 'done'
    }
    const session = await open()
    const sql = await statements(session)
    output.object({ config: file, written: false, sql })
    if (sql.length === 0) {
      output.note('Nothing to install: legacy captures without triggers.')
      return 'done'
    }
    output.lines(
      `-- What captures the writes to legacy of migration "${clean(session.migration.name)}". The step to capture runs it by itself.`,
      '-- Only for the database that this was made for: elsewhere these triggers would refuse every write.',
      '',
    )
    output.note('Nothing was changed in your tables.')
    output.lines(...sqlScript(session.migration.sides.legacy.engine, sql))
    return 'done'
  },
}

/** Writes a file that is not there. */
async function writeNew(file: string, text: string): Promise<boolean> {
  try {
    await writeFile(file, text, { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function statements({ migration }: Session): Promise<readonly string[]> {
  const { sides, capture, name, entities } = migration
  if (capture.legacy !== 'trigger' || sides.legacy.connection === undefined) return []
  const db = sides.legacy.connection as Parameters<typeof captureSql>[0]
  return captureSql(db, { migration: name, side: 'legacy' }, captured(entities, 'legacy'))
}
