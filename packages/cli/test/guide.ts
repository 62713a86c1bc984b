import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export const root: string = join(import.meta.dirname, '..', '..', '..')

export const guide: string = readFileSync(join(root, 'docs', 'guide', 'cli.md'), 'utf8')

/** `npx twinspan ... > file    # status 1` */
export interface GuideCommand {
  readonly line: string
  /** Where its output goes. */
  readonly file: string | undefined
  readonly status: number
}

/** The whole road, in order. */
export const commands: readonly GuideCommand[] = commandsOf(guide.split('## On other databases')[0] ?? '')

/** How a pair of engines begins. */
export interface GuideEngines {
  readonly legacy: string
  readonly target: string
  readonly commands: readonly GuideCommand[]
  /** The engine's own client, with what the page gives it. */
  readonly client: string
  readonly arguments: readonly string[]
  /** The file that it reads. */
  readonly script: string
}

export const engines: readonly GuideEngines[] = Array.from(
  guide.matchAll(/<!-- engines: (\S+) (\S+) -->\n```sh\n([\s\S]*?)```/g),
  ([, legacy = '', target = '', text = '']) => {
    const [client = '', ...rest] = text.trim().split('\n').at(-1)?.split(' ') ?? []
    return {
      legacy,
      target,
      commands: commandsOf(text),
      client,
      // The last one names the database, and `< file` is for the shell.
      arguments: rest.filter((word) => word.startsWith('--')),
      script: rest.includes('<') ? (rest.at(-1) ?? '') : '',
    }
  },
)

function commandsOf(text: string): readonly GuideCommand[] {
  return Array.from(
    text.matchAll(/^npx twinspan (.*?)(?: > (\S+))?(?:\s+# status (\d+))?$/gm),
    ([, line = '', file, status = '0']) => ({ line, file, status: Number(status) }),
  )
}
