import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createCutover, verifyArchive } from '../src/index.ts'
import { advanceTo, createWorld, type Process, recordCleanCopy, type World } from './world.ts'

const by = { actor: 'ops', reason: 'the day has come' }

let world: World
let process: Process
let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'twinspan-archive-'))
  world = createWorld()
  process = await world.process()
  await advanceTo(process.migration, 'canary')
  const rows = Array.from({ length: 1_500 }, (_, id) => ({
    member_id: id,
    mail: `ü${id}@example.org`,
    status: 'Active',
  }))
  await process.members.save(rows)
  await process.mirror()
  await recordCleanCopy(process.migration)
  await cutover().advance({ to: 'target-primary', ...by })
})
afterEach(async () => {
  await world.close()
  await rm(directory, { recursive: true })
})

const cutover = () => createCutover(process.migration, { drain: process.mirror, acknowledgeMs: 0 })

describe('an archive', () => {
  beforeEach(() => cutover().advance({ to: 'complete', ...by }))

  it('holds every row, what they look like, and who decided what', async () => {
    const progress: number[] = []
    const { manifest, verified, manifestSha256 } = await cutover().archive({
      to: directory,
      onProgress: ({ rows }) => progress.push(rows),
      ...by,
    })
    expect(verified).toMatchObject({ ok: true, rows: 1_500, problems: [] })
    expect(manifest.entities).toMatchObject([
      {
        entity: 'users',
        table: 'members',
        file: '001-users.ndjson.zst',
        rows: 1_500,
        columns: [
          { name: 'member_id', kinds: ['number'] },
          { name: 'mail', kinds: ['string'] },
          { name: 'status', kinds: ['string'] },
        ],
      },
    ])
    expect(manifest.audit.filter(({ action }) => action === 'phase').map(({ to }) => to)).toEqual(
      expect.arrayContaining(['complete', 'target-primary', 'canary']),
    )
    expect(progress.at(-1)).toBe(1_500)
    expect((await readdir(directory)).sort()).toEqual(['001-users.ndjson.zst', 'manifest.json'])
    const drop = await cutover().canDrop()
    expect(drop.gates.find(({ name }) => name === 'archived')).toMatchObject({
      ok: true,
      facts: { manifest: manifestSha256 },
    })
    expect((await process.migration.store.readAudit({ limit: 1 }))[0]).toMatchObject({
      action: 'archive',
      actor: 'ops',
    })
  })

  it('is compared with the live store when asked', async () => {
    await cutover().archive({ to: directory })
    expect(await cutover().verifyArchive(directory, { compare: true })).toMatchObject({
      ok: true,
      entities: [{ live: { same: 1_500, different: 0, missing: 0, extra: 0 } }],
    })
    await cutover().thaw()
    world.legacy.triggers.clear()
    await process.members.save([
      { member_id: 3, mail: 'changed@example.org', status: 'Active' },
      { member_id: 9_999, mail: 'new@example.org', status: 'Active' },
    ])
    await process.members.remove([4, 5])
    const report = await cutover().verifyArchive(directory, { compare: true })
    expect(report).toMatchObject({
      ok: false,
      entities: [{ live: { same: 1_497, different: 1, missing: 2, extra: 1 } }],
      problems: ['users: 1 rows differ from legacy, 2 are gone from it, 1 are new in it'],
    })
  })

  it('shows any byte that was changed', async () => {
    const { manifestSha256 } = await cutover().archive({ to: directory })
    const file = join(directory, '001-users.ndjson.zst')
    const whole = await readFile(file)
    for (const at of [0, 10, Math.floor(whole.length / 2), whole.length - 1]) {
      const damaged = Buffer.from(whole)
      damaged[at] = (damaged[at] as number) ^ 1
      await writeFile(file, damaged)
      expect((await verifyArchive(directory)).ok, `byte ${at}`).toBe(false)
    }
    await writeFile(file, whole.subarray(0, whole.length - 5))
    expect((await verifyArchive(directory)).ok).toBe(false)
    await rm(file)
    expect((await verifyArchive(directory)).problems).toEqual([
      '001-users.ndjson.zst cannot be read to its end: Error (ENOENT)',
    ])
    await writeFile(file, whole)
    expect(await verifyArchive(directory, { manifestSha256 })).toMatchObject({ ok: true })

    // The same lines, packed by somebody else.
    await writeFile(
      file,
      zstdCompressSync(zstdDecompressSync(whole), { params: { [constants.ZSTD_c_compressionLevel]: 19 } }),
    )
    expect((await verifyArchive(directory)).problems).toEqual([
      '001-users.ndjson.zst is not the file that was written: its SHA-256 differs',
    ])
    await writeFile(file, whole)

    const manifest = join(directory, 'manifest.json')
    await writeFile(manifest, (await readFile(manifest, 'utf8')).replace('"ops"', '"oops"'))
    expect(await verifyArchive(directory, { manifestSha256 })).toMatchObject({
      ok: false,
      problems: ['the manifest is not the one that was written'],
    })
  })

  it('goes on where an earlier run was interrupted', async () => {
    const stop = new AbortController()
    const stopped = cutover().archive({ to: directory, signal: stop.signal, onProgress: () => stop.abort() })
    await expect(stopped).rejects.toThrow()
    expect(await readdir(directory)).not.toContain('manifest.json')
    await expect(verifyArchive(directory)).rejects.toMatchObject({ code: 'TWINSPAN_ARCHIVE' })

    const second = await cutover().archive({ to: directory })
    expect(second).toMatchObject({ kept: [], verified: { ok: true, rows: 1_500 } })
    const third = await cutover().archive({ to: directory })
    expect(third).toMatchObject({ kept: ['users'], verified: { ok: true } })
    expect(third.manifest.entities).toEqual(second.manifest.entities)

    // A file that was damaged meanwhile is written again.
    await writeFile(join(directory, '001-users.ndjson.zst'), 'x')
    expect(await cutover().archive({ to: directory })).toMatchObject({ kept: [], verified: { ok: true, rows: 1_500 } })
  })

  it('does not share its directory with anything else', async () => {
    await writeFile(join(directory, 'notes.txt'), 'mine')
    await expect(cutover().archive({ to: directory })).rejects.toThrow('1 files that are not this archive')
    expect(await readdir(directory)).toEqual(['notes.txt'])
    await rm(join(directory, 'notes.txt'))
    await cutover().archive({ to: directory })
    const manifest = join(directory, 'manifest.json')
    await writeFile(
      manifest,
      (await readFile(manifest, 'utf8')).replace('"migration": "people"', '"migration": "others"'),
    )
    await expect(cutover().archive({ to: directory })).rejects.toThrow('the archive of another migration')
  })
})

it('refuses to archive what is still being written', async () => {
  await expect(cutover().archive({ to: directory })).rejects.toMatchObject({ code: 'TWINSPAN_PHASE_REFUSED' })
  expect(await readdir(directory)).toEqual([])
})
