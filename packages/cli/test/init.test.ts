import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { compile } from '../../../test/snippets/compile.ts'
import { configTemplate, ENGINES } from '../src/config-template.ts'
import { run } from './world.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'twinspan-init-'))
})
afterEach(() => rm(folder, { recursive: true }))

const read = (): Promise<string> => readFile(join(folder, 'twinspan.config.ts'), 'utf8')

it('writes a configuration where there is none, and never over one', async () => {
  const { status, stdout } = await run('init --legacy mysql --entity people', { cwd: folder })
  expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringContaining('Wrote ') })
  const text = await read()
  expect(text).toContain('MysqlDialect')
  expect(text).toContain('PostgresDialect')
  expect(text).toContain(`name: '${basename(folder)}'`)

  await writeFile(join(folder, 'twinspan.config.ts'), 'export default {}')
  expect((await run('init', { cwd: folder })).status).toBe(2)
  expect(await read()).toBe('export default {}')
})

it('writes configurations that compile, for every engine on either side', async () => {
  const snippets = ENGINES.map((legacy, at) => {
    const target = ENGINES[(at + 1) % ENGINES.length] ?? legacy
    const code = configTemplate({ name: "ann's shop", legacy, target, entity: 'user-accounts' })
    return { file: `${legacy}-${target}.ts`, line: 1, code, preamble: '' }
  })
  expect([...(await compile(snippets)).values()].flat()).toEqual([])
})

it('prints the statements that the step to capture runs', async () => {
  await symlink(join(import.meta.dirname, '..', '..', '..', 'node_modules'), join(folder, 'node_modules'))
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  await run('init --legacy sqlite --target sqlite --entity people --name move', { cwd: folder })
  const [legacy, target] = ['legacy.db', 'target.db'].map((file) => new SqliteDatabase(join(folder, file)))
  for (const database of [legacy, target]) database?.exec('create table people (id integer primary key, email text)')
  await writeFile(
    join(folder, 'twinspan.config.ts'),
    (await read()).replaceAll(/\?\? '(\w+\.db)'/g, `?? '${folder}/$1'`),
  )

  const { status, stdout } = await run('init', { cwd: folder })
  expect(status).toBe(0)
  expect(stdout).toMatch(/create trigger/i)
  const triggers = (): unknown => legacy?.prepare("select name from sqlite_master where type = 'trigger'").all()
  expect(triggers()).toEqual([])
  legacy?.exec(stdout)
  const printed = triggers()
  await run('advance --reason begin', { cwd: folder })
  expect(triggers()).toEqual(printed)
  legacy?.close()
  target?.close()
})
