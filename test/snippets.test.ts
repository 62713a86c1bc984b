import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'

import { compile } from './snippets/compile.ts'
import { type Snippet, snippetsOf } from './snippets/extract.ts'

const root = join(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

const packages = readdirSync(join(root, 'packages')).map((name) => `packages/${name}/README.md`)
const docs = existsSync(join(root, 'docs'))
  ? readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.md'))
      .map((path) => `docs/${path.replaceAll('\\', '/')}`)
  : []
const pages = ['README.md', ...packages, ...docs].filter((path) => existsSync(join(root, path)))

const snippets = pages.flatMap((page) => snippetsOf(page, read(page), read))

describe.skipIf(snippets.length === 0)('the snippets', () => {
  let errors: ReadonlyMap<Snippet, readonly string[]>

  beforeAll(async () => {
    errors = await compile(snippets)
  })

  it.each(snippets.map((snippet) => [`${snippet.file}:${snippet.line}`, snippet] as const))(
    '%s compiles',
    (_, snippet) => {
      expect(errors.get(snippet)).toEqual([])
    },
  )
})

describe('a snippet', () => {
  const page = (...lines: string[]): readonly Snippet[] =>
    snippetsOf('page.md', lines.join('\n'), (path) => `declare const preamble: '${path}'`)
  const block = (code: string): readonly string[] => ['```ts', code, '```']
  const errorsIn = async (...lines: string[]): Promise<readonly string[]> =>
    Array.from((await compile(page(...lines))).values()).flat()

  it('that does not compile is reported at its line of the page', async () => {
    expect(await errorsIn('# Title', '', ...block('const n: number = "one"'))).toEqual([
      expect.stringMatching(/^page\.md:4 error TS2322/),
    ])
  })

  it('that imports what is not there is reported', async () => {
    expect(await errorsIn(...block("import { nothing } from '@twinspan/nowhere'"))).toEqual([
      expect.stringMatching(/^page\.md:2 error TS2307/),
    ])
  })

  it('stands alone unless it says otherwise', async () => {
    expect(await errorsIn(...block('const a = 1'), ...block('export const b = a'))).toHaveLength(1)
  })

  it('that continues the one before sees its names', async () => {
    const continued = ['<!-- snippet: continues -->', '']
    const lines = [
      ...block('const a = 1'),
      ...continued,
      ...block('const b = a'),
      ...continued,
      ...block('const c: 1 = b'),
    ]
    expect(await errorsIn(...lines)).toEqual([])
  })

  it('with a preamble sees its names, and is still reported at its own line', async () => {
    const lines = ['<!-- snippet: with docs/_snippets/app.ts -->', ...block('export const n: 1 = preamble')]
    expect(await errorsIn(...lines)).toEqual([
      expect.stringMatching(/^page\.md:3 error TS2322.*"docs\/_snippets\/app\.ts"/),
    ])
  })

  it('is one of the ts blocks, those in lists included', () => {
    const lines = ['```sh', 'npm test', '```', '- a list', '  ```ts', '  const a = 1', '    + 1', '  ```']
    expect(page(...lines)).toEqual([{ file: 'page.md', line: 6, code: 'const a = 1\n  + 1', preamble: '' }])
  })

  it.each(['<!-- snippet: skip -->', '<!-- snippet: with -->', '<!-- snippet: continues -->'])(
    'cannot say %s',
    (directive) => {
      expect(() => page(directive, ...block('const a = 1'))).toThrow('page.md:2')
    },
  )
})
