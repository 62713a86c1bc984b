import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createCutover } from '@twinspan/cutover'
import { createMirror } from '@twinspan/dual-write'
import { sql } from 'kysely'
import { describe, expect, it, onTestFinished } from 'vitest'
import { mariadb } from '../support/mariadb.ts'
import { postgres } from '../support/postgres.ts'
import { twoTables } from './two-tables.ts'

const by = { actor: 'test', reason: 'test' }
const missing = (await mariadb.missing()) ?? (await postgres.missing())
if (missing !== undefined && process.env['CI'] === 'true') throw new Error(missing)

describe.skipIf(missing !== undefined)(`an archive of mariadb${missing === undefined ? '' : ` (${missing})`}`, () => {
  it('keeps what the driver leaves out, and sees when it has changed', { timeout: 60_000 }, async () => {
    const made = await twoTables(mariadb, postgres, {
      types: {
        mariadb: 'ratio float, born datetime(6), plain datetime(3), score int',
        postgres: 'ratio real, born timestamptz, plain timestamptz, score integer',
      },
    })
    const { legacy, migration } = made
    await sql`insert into things values (1, 0.1, '2020-01-01 00:00:00.123456', '2020-01-01 00:00:00.120', 7),
      (2, 0.5, '2020-01-01 00:00:00.123000', null, 8)`.execute(legacy)
    const mirror = createMirror(migration)
    mirror.start()
    const to = await mkdtemp(join(tmpdir(), 'twinspan-'))
    onTestFinished(async () => {
      await mirror.stop()
      await rm(to, { recursive: true })
    })
    const cut = createCutover(migration, { drain: () => mirror.drain() })
    await migration.advance({ to: 'capture', ...by })
    await cut.advance({ to: 'target-primary', path: 'fenced-copy', maxWaitMs: 20_000, ...by })
    await cut.advance({ to: 'complete', ...by })
    await expect(cut.archive({ to, ...by })).resolves.toMatchObject({ verified: { ok: true, rows: 2 } })
    const same = { ok: true, entities: [{ live: { same: 2, different: 0 } }] }
    await expect(cut.verifyArchive(to, { compare: true })).resolves.toMatchObject(same)

    await cut.thaw(by)
    await sql`update things set born = '2020-01-01 00:00:00.123457' where id = 1`.execute(legacy)
    await expect(cut.verifyArchive(to, { compare: true })).resolves.toMatchObject({
      entities: [{ live: { same: 1, different: 1 } }],
    })
  })
})
