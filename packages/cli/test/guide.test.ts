import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { commands, guide, root } from './guide.ts'
import { run } from './world.ts'

const files = Array.from(guide.matchAll(/<!-- file: (\S+) -->\n```ts\n([\s\S]*?)```/g), ([, name = '', text = '']) => ({
  name,
  text,
}))

describe('the guide', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'twinspan-guide-'))
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
    for (const { name, text } of files) await writeFile(join(folder, name), text)
    await import(pathToFileURL(join(folder, 'make-databases.ts')).href)
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('has its files and its commands', () => {
    expect(files.map(({ name }) => name)).toEqual(['make-databases.ts', 'twinspan.config.ts'])
    expect(commands.length).toBeGreaterThan(20)
  })

  it.each(commands)('$line', async ({ line, file, status }) => {
    const ran = await run(line, { cwd: folder })
    expect({ status: ran.status, stderr: ran.status === status ? '' : ran.stderr }).toEqual({ status, stderr: '' })
    if (file !== undefined) expect(ran.stdout).toMatch(/create trigger/i)
  })

  it('ends with a migration that is complete', async () => {
    const { objects } = await run('status --json --no-gates', { cwd: folder })
    expect(objects[0]).toMatchObject({
      phase: 'complete',
      journal: { depth: 0 },
      entities: [{ backfill: { done: true, rows: 1_000 }, sweep: { rows: 1_000, drift: 0 } }],
    })
  })
})
