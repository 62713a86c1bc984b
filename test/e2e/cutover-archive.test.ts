import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, open, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { verifyArchive } from '@twinspan/cutover'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { fill } from './cutover-archive/world.ts'

const LONG = process.env['TWINSPAN_LONG'] === '1'
const ROWS = LONG ? 500_000 : 4_000

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'twinspan-'))
})
afterEach(() => rm(directory, { recursive: true }))

it(`${2 * ROWS} rows: a process that is killed with SIGKILL leaves an archive that another one finishes, and every byte of it counts`, {
  timeout: LONG ? 600_000 : 30_000,
}, async () => {
  await fill(directory, ROWS)
  const to = join(directory, 'archive')
  expect(await archive(to, 'second', ROWS / 2)).toBe('SIGKILL')
  const left = await readdir(to)
  expect(left).toContain('manifest.partial.json')
  expect(left.filter((name) => name.endsWith('.part'))).toHaveLength(1)
  await expect(verifyArchive(to)).rejects.toThrow('holds no finished archive')

  const report = await archive(to)
  expect(report).toMatchObject({ kept: ['first'], rows: 2 * ROWS })
  const { peak } = report as { readonly peak: number }
  if (LONG) expect(peak).toBeLessThan(200 * 1024 * 1024)
  console.info(`${2 * ROWS} rows archived, ${(peak / 1024 / 1024).toFixed(0)} MB at the peak`)
  expect(await verifyArchive(to)).toMatchObject({ ok: true, rows: 2 * ROWS, problems: [] })

  // One bit of one byte, at the beginning, in the middle and at the end of either file.
  for (const file of (await readdir(to)).filter((name) => name !== 'manifest.json')) {
    const { size } = await stat(join(to, file))
    for (const at of [0, Math.floor(size / 2), size - 1]) {
      await flip(join(to, file), at)
      const { ok, problems } = await verifyArchive(to)
      expect({ ok, told: problems.some((problem) => problem.includes(file)) }).toEqual({ ok: false, told: true })
      await flip(join(to, file), at)
    }
  }
  expect((await verifyArchive(to)).ok).toBe(true)
})

/** What the process told at its end, or the signal that ended it. */
async function archive(to: string, fatal = 'none', rows = 0): Promise<unknown> {
  const child = fork(new URL('./cutover-archive/process.ts', import.meta.url), [directory, to, fatal, String(rows)], {
    execArgv: ['--conditions=twinspan-src'],
  })
  let told: unknown
  child.on('message', (message) => {
    told = message
  })
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
  return told ?? signal ?? code
}

async function flip(path: string, at: number): Promise<void> {
  const file = await open(path, 'r+')
  try {
    const byte = Buffer.alloc(1)
    await file.read(byte, 0, 1, at)
    byte[0] = (byte[0] as number) ^ 1
    await file.write(byte, 0, 1, at)
  } finally {
    await file.close()
  }
}
