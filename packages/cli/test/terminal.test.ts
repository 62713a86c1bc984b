import { execFile, execFileSync } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify, stripVTControlCharacters } from 'node:util'
import SqliteDatabase from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { root } from './guide.ts'
import { NODE_ARGUMENTS } from './process.ts'
import { run } from './world.ts'

vi.setConfig({ testTimeout: 60_000 })

// A bar goes back to the first column with a command of its own.
const TURNS = ['\n', '\r', '\u001B[1G']

const missing = whyNot()
const skipped = missing === undefined ? '' : ` (skipped: ${missing})`

// `script` of util-linux gives a process a terminal of its own.
describe.skipIf(missing !== undefined)(`on a real terminal of 80 columns${skipped}`, () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'twinspan-terminal-'))
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
    const file = (name: string): string => join(folder, name)
    await run('init --legacy sqlite --target sqlite --entity people --name a-move-with-a-rather-long-name', {
      cwd: folder,
    })
    for (const name of ['legacy.db', 'target.db']) {
      const database = new SqliteDatabase(file(name))
      database.pragma('journal_mode = WAL')
      database.exec('create table people (id integer primary key, email text not null)')
      if (name === 'legacy.db') {
        database.exec(
          "with recursive n(i) as (values (1) union all select i + 1 from n where i < 20000) insert into people select i, 'p' || i from n",
        )
      }
      database.close()
    }
  })
  afterAll(() => rm(folder, { recursive: true }))

  /** What a terminal was sent, and how the process ended. */
  async function onTerminal(
    line: string,
  ): Promise<{ readonly code: number; readonly raw: string; readonly lines: readonly string[] }> {
    const command = `stty cols 80 rows 30; ${[process.execPath, ...NODE_ARGUMENTS].join(' ')} ${line}`
    const env = { ...process.env, USER: 'ann', TERM: 'xterm-256color', LEGACY: 'legacy.db', TARGET: 'target.db' }
    Reflect.deleteProperty(env, 'NO_COLOR')
    const { code, raw } = await promisify(execFile)('script', ['-qec', command, '/dev/null'], {
      cwd: folder,
      env,
    }).then(
      ({ stdout }) => ({ code: 0, raw: stdout }),
      (error: { readonly code: number; readonly stdout: string }) => ({ code: error.code, raw: error.stdout }),
    )
    return {
      code,
      raw,
      lines: TURNS.reduce((parts, turn) => parts.flatMap((part) => part.split(turn)), [raw])
        .map((text) => stripVTControlCharacters(text))
        .filter((text) => text !== ''),
    }
  }

  const isWithin = (lines: readonly string[]): void => expect(lines.filter((text) => text.length > 80)).toEqual([])

  it('status is coloured and fits', async () => {
    const { code, raw, lines } = await onTerminal('status')
    expect(code).toBe(0)
    expect(raw).toContain('\u001B[1m[off]\u001B[22m')
    isWithin(lines)
    expect(lines[0]).toMatch(/^a-move-with-a-rather-long-name +epoch 1 · .* UTC$/)
    expect(lines[0]).toHaveLength(80)
  })

  it('steps and a backfill with a bar leave the terminal as it was', async () => {
    for (const reason of ['one', 'two']) expect((await onTerminal(`advance --reason ${reason}`)).code).toBe(0)
    const { code, raw, lines } = await onTerminal('backfill --chunk-rows 2000')
    expect(code).toBe(0)
    isWithin(lines)
    expect(lines.some((text) => /^people +█+░* +\d+ %, [\d,]+ of 20,000 rows/.test(text))).toBe(true)
    expect(lines.at(-1)).toBe('Done. people: 20,000 rows read, 20,000 inserted, 0 for the mirror, 0 failed')
    // The cursor that the bar hid is shown again, and lines wrap again.
    expect(raw.lastIndexOf('\u001B[?25h')).toBeGreaterThan(raw.lastIndexOf('\u001B[?25l'))
    expect(raw.lastIndexOf('\u001B[?7h')).toBeGreaterThan(raw.lastIndexOf('\u001B[?7l'))
  })

  it.each(['plan', 'reconcile', 'audit', 'backfill --help'])('%s fits', async (line) => {
    const { lines, code } = await onTerminal(line)
    expect(code).toBeLessThan(2)
    expect(lines.length).toBeGreaterThan(0)
    isWithin(lines)
  })
})

function whyNot(): string | undefined {
  if (process.platform !== 'linux') return 'needs the script of util-linux'
  try {
    execFileSync('script', ['--version'], { stdio: 'ignore' })
    return undefined
  } catch {
    return 'no script'
  }
}
