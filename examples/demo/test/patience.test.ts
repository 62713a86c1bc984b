import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createLegacySchema, openLegacy, openLegacyFile } from '../src/legacy/schema.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'demo-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

it('waits for the writer of another connection and goes on with its own work meanwhile', async () => {
  const file = join(folder, 'legacy.sqlite')
  const other = openLegacyFile(file)
  createLegacySchema(other)
  const db = openLegacy(file)
  other.exec('begin immediate')
  let turns = 0
  const ticking = setInterval(() => {
    if (++turns === 5) other.exec('commit')
  }, 10)
  const member = { mail: 'a@example.org', full_nm: 'A', stat_cd: 'A', join_epoch: 1 }
  await db.insertInto('members').values(member).execute()
  clearInterval(ticking)
  expect(turns).toBeGreaterThanOrEqual(5)
  await db.destroy()
  other.close()
})
