import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { COMMANDS } from '../src/commands/table.ts'
import { EXIT_STATUS } from '../src/exit-status.ts'
import { createShop, run } from './world.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'twinspan-cli-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('what cannot be understood ends with 2', () => {
  it.each([
    ['status --wtach', 'Did you mean --watch'],
    ['statsu', 'Did you mean status'],
    ['advance', '--reason'],
    ['advance canry --reason go', 'The phases are off, capture'],
    ['audit --limit many', 'number of at least 1'],
    ['plan --to nowhere', 'Allowed choices'],
    ['backfill nobody', 'The migration has users'],
    ['reconcile --sample 10 --repair', 'cannot be used with'],
    ['', 'Usage: twinspan'],
  ])('%s', async (line, hint) => {
    const shop = createShop()
    const { status, stderr, stdout } = await shop.run(line)
    expect(stderr).toContain(hint)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    await shop.end()
  })

  it('an empty reason', async () => {
    const shop = createShop()
    const { status, stderr } = await shop.run('advance --reason ""')
    expect(status).toBe(2)
    expect(stderr).toContain('[TWINSPAN_INVALID_OPTION]')
    await shop.end()
  })

  it('a change that nobody answers for', async () => {
    const { status, stderr } = await run('advance --reason go', { env: {} })
    expect(status).toBe(2)
    expect(stderr).toContain('--actor')
  })

  it('no configuration', async () => {
    const { status, stderr } = await run('status', { cwd: folder })
    expect(status).toBe(2)
    expect(stderr).toContain('twinspan init')
  })

  it.each([
    ['no-default', 'export const migration = 1', 'no default export'],
    ['no-migration', 'export default {}', 'exports no migration'],
    ['throws', "export default () => { throw new Error('no password for legacy') }", 'no password for legacy'],
    ['syntax', 'export default {', 'cannot be loaded'],
  ])('a configuration with %s', async (name, text, hint) => {
    await writeFile(join(folder, `${name}.config.ts`), text)
    const { status, stderr } = await run(`status --config ${name}.config.ts`, { cwd: folder })
    expect(stderr).toContain(hint)
    expect(status).toBe(2)
  })
})

describe('help', () => {
  const names = COMMANDS.map(({ under, usage }) => [under, usage.split(' ')[0]].filter(Boolean).join(' '))
  it.each(names)('of %s has examples', async (name) => {
    const { status, stdout } = await run(`${name} --help`)
    expect(status).toBe(0)
    expect(stdout).toContain(`$ twinspan ${name}`)
    expect(stdout).toContain('--json')
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
  })

  it.each(['README.md', '../../docs/guide/cli.md'])('has the exit statuses that %s tells', async (page) => {
    const { stdout } = await run('--help')
    const text = readFileSync(join(import.meta.dirname, '..', page), 'utf8')
    for (const { status, means } of Object.values(EXIT_STATUS)) {
      expect(stdout).toContain(`${status}  ${means}`)
      expect(text).toContain(`| ${status} | ${means} |`)
    }
  })
})

describe('what fails', () => {
  const away = {
    load: () => Promise.reject(Object.assign(new TypeError('password=hunter2'), { code: 'ECONNREFUSED' })),
  }

  it('ends with 3, tells class and code and no more', async () => {
    const { status, stderr } = await run('status', away)
    expect(status).toBe(3)
    expect(stderr).toContain('TypeError (ECONNREFUSED)')
    expect(stderr).not.toContain('hunter2')
    expect(stderr).not.toContain('at ')
  })

  it('tells its stack with DEBUG', async () => {
    const { stderr } = await run('status', { ...away, env: { DEBUG: '1' } })
    expect(stderr).toMatch(/hunter2\n\s+at /)
  })

  it('is an object on stderr with --json', async () => {
    const shop = createShop()
    const { status, stdout, stderr } = await shop.run('advance canary --reason go --json')
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(JSON.parse(stderr)).toEqual({ error: { code: 'TWINSPAN_PHASE_REFUSED', message: expect.any(String) } })
    await shop.end()
  })

  it('closes what was opened all the same', async () => {
    const shop = createShop()
    await shop.run('advance canary --reason go')
    await shop.run('status --no-gates')
    expect(shop.closed()).toBe(2)
    await shop.end()
  })
})
