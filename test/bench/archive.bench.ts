import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMigration, defineEntity } from '@twinspan/core'
import { createMemoryDatabase, memorySide } from '@twinspan/core/testing'
import { createCutover } from '@twinspan/cutover'
import { kyselySide } from '@twinspan/kysely'
import { sql } from 'kysely'
import { sqlite } from '../support/sqlite.ts'
import type { Cases } from './bench.ts'

interface DB {
  members: { member_id: number; mail: string; status: string; balance: bigint; joined: string; notes: string }
}

const MB = 1024 * 1024

/** Archives a million rows and reads them back, watching the memory of the process. `--rows=100000` for fewer. */
export const cases: Cases = {
  async archive({ args, note }) {
    const rows = Number(args.find((arg) => arg.startsWith('--rows='))?.slice(7) ?? 1_000_000)
    const directory = await mkdtemp(join(tmpdir(), 'twinspan-bench-'))
    const { db, close } = await sqlite.open<DB>()
    await sql`create table members (member_id integer primary key, mail text, status text, balance integer, joined text, notes text)`.execute(
      db,
    )
    await sql`
      insert into members
      with recursive n(i) as (select 1 union all select i + 1 from n where i < ${rows})
      select i, 'member' || i || '@example.org', 'Active', i * 100, datetime(i, 'unixepoch'), hex(randomblob(40)) from n`.execute(
      db,
    )
    note(`${rows} rows written`)

    const legacy = kyselySide(db)
    const target = memorySide(createMemoryDatabase())
    const members = defineEntity({
      name: 'members',
      legacy: legacy.table('members', { key: 'member_id' }),
      target: target.table<{ id: number }>('members', { key: 'id' }),
      toTarget: (row) => ({ id: row.member_id }),
      toLegacy: () => null,
    })
    const migration = createMigration({ name: 'bench', legacy, target, entities: [members] })
    await migration.start()
    // The road there is not what is measured.
    for (const side of ['legacy', 'target'] as const) {
      const { fence } = migration.sides[side]
      const found = await fence.read()
      if (found === undefined) throw new Error('no fence')
      await fence.change(found.row.revision, { ...found.row, epoch: 9, phase: 'complete', primary: 'target' })
    }
    const cut = createCutover(migration)
    const before = process.memoryUsage.rss()
    let peak = before
    const watch = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage.rss())
    }, 20)
    const began = performance.now()
    const { manifest } = await cut.archive({ to: directory })
    const tookMs = performance.now() - began
    clearInterval(watch)
    const compared = performance.now()
    const verified = await cut.verifyArchive(directory, { compare: true })
    if (!verified.ok) throw new Error(verified.problems.join('; '))
    const comparedMs = performance.now() - compared
    const { size } = await stat(join(directory, manifest.entities[0]?.file ?? ''))
    await migration.stop()
    await close()
    await rm(directory, { recursive: true })
    return [
      { metric: 'written and read back', value: rows / (tookMs / 1_000), unit: 'rows/s' },
      { metric: 'compared with legacy', value: rows / (comparedMs / 1_000), unit: 'rows/s' },
      { metric: 'memory at its peak', value: peak / MB, unit: 'MB' },
      { metric: 'memory beyond the start', value: (peak - before) / MB, unit: 'MB' },
      { metric: 'file', value: size / MB, unit: 'MB' },
    ]
  },
}
