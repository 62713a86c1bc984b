import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Snippet } from './extract.ts'

const root = join(import.meta.dirname, '..', '..')
const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')

/** Compiles each snippet as a module of its own. Returns the errors of each, at the lines of its markdown page. */
export async function compile(snippets: readonly Snippet[]): Promise<ReadonlyMap<Snippet, readonly string[]>> {
  // Inside node_modules, so that imports resolve to the workspace's own packages.
  const cache = join(root, 'node_modules', '.cache', 'twinspan')
  await mkdir(cache, { recursive: true })
  const folder = await mkdtemp(join(cache, 'snippets-'))
  try {
    const names = snippets.map((_, index) => `snippet-${index}.ts`)
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
    await writeFile(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        extends: '../../../../test/tsconfig.base.json',
        compilerOptions: {
          incremental: false,
          tsBuildInfoFile: null,
          moduleDetection: 'force',
          lib: ['ES2023', 'DOM'],
        },
        files: names,
        include: [],
      }),
    )
    await Promise.all(
      snippets.map(({ preamble, code }, index) =>
        writeFile(join(folder, names[index] ?? ''), preamble === '' ? code : `${preamble}\n${code}`),
      ),
    )
    const output = names.length === 0 ? '' : await tsc(folder)
    return new Map(snippets.map((snippet, index) => [snippet, errorsOf(snippet, `snippet-${index}.ts`, output)]))
  } finally {
    await rm(folder, { recursive: true })
  }
}

function tsc(folder: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [compiler, '-p', '.', '--pretty', 'false'], { cwd: folder }, (error, stdout, stderr) => {
      // 1 and 2 are type errors; anything else is a compiler that did not run, and silence would look like success.
      if (error && error.code !== 1 && error.code !== 2) reject(new Error(`tsc: ${stderr}${stdout}`, { cause: error }))
      else if (error && !stdout.includes('snippet-')) reject(new Error(`tsc: ${stdout}`, { cause: error }))
      else resolve(stdout)
    })
  })
}

function errorsOf(snippet: Snippet, name: string, output: string): readonly string[] {
  const offset = snippet.preamble === '' ? 0 : snippet.preamble.split('\n').length
  return output.split('\n').flatMap((line) => {
    const [, row, message] = new RegExp(`^${name}\\((\\d+),\\d+\\): (.*)`).exec(line) ?? []
    if (row === undefined) return []
    const at = Number(row) - offset
    return [at > 0 ? `${snippet.file}:${snippet.line + at - 1} ${message}` : `${snippet.file}: preamble: ${message}`]
  })
}
