export interface Snippet {
  /** The markdown file it stands in, relative to the root. */
  readonly file: string
  /** The line of its first line of code. */
  readonly line: number
  readonly code: string
  /** What is in scope before it begins: other files of the repository, earlier snippets of the same page. */
  readonly preamble: string
}

const FENCE = /^(\s*)```(\S*)/
const DIRECTIVE = /^\s*<!--\s*snippet:\s*(.*?)\s*-->\s*$/

/**
 * Every `ts` block of a markdown page. A comment on the line before a block says what it may take for granted:
 *
 * - `<!-- snippet: with docs/_snippets/app.ts -->` puts that file (or several, separated by spaces) above it
 * - `<!-- snippet: continues -->` puts the block before it above it, and all that this one stood on
 */
export function snippetsOf(file: string, markdown: string, read: (path: string) => string): readonly Snippet[] {
  const snippets: Snippet[] = []
  const lines = markdown.split('\n')
  let directive: string | undefined
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? ''
    const [, indent = '', language] = FENCE.exec(line) ?? []
    if (language === undefined) {
      if (line.trim() !== '') directive = DIRECTIVE.exec(line)?.[1]
      continue
    }
    const end = lines.findIndex((other, at) => at > index && other.trim() === '```')
    if (end === -1) throw new Error(`${file}:${index + 1}: this block has no end`)
    if (/^(ts|typescript)$/.test(language)) {
      snippets.push({
        file,
        line: index + 2,
        code: lines
          .slice(index + 1, end)
          .map((code) => (code.startsWith(indent) ? code.slice(indent.length) : code))
          .join('\n'),
        preamble: preamble(directive, snippets.at(-1), read, `${file}:${index + 1}`),
      })
    }
    directive = undefined
    index = end
  }
  return snippets
}

function preamble(
  directive: string | undefined,
  previous: Snippet | undefined,
  read: (path: string) => string,
  where: string,
): string {
  if (directive === undefined) return ''
  if (directive === 'continues') {
    if (!previous) throw new Error(`${where}: there is no snippet before this one to continue`)
    return [previous.preamble, previous.code].filter((text) => text !== '').join('\n')
  }
  const [word, ...paths] = directive.split(/\s+/)
  if (word !== 'with' || paths.length === 0) throw new Error(`${where}: unknown snippet directive "${directive}"`)
  return paths.map(read).join('\n')
}
