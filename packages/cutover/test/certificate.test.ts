import { generateKeyPairSync } from 'node:crypto'
import { type Json, sweepDocument } from '@twinspan/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CertificateRefusedError, createCutover, verifyCertificate } from '../src/index.ts'
import { advanceTo, createWorld, type Process, recordCleanCopy, type World } from './world.ts'

const by = { actor: 'ops', reason: 'the day has come' }
const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const digest = 'ab'.repeat(32)

let world: World
let process: Process

beforeEach(async () => {
  world = createWorld()
  process = await world.process()
  await advanceTo(process.migration, 'canary')
  await process.members.save([{ member_id: 1, mail: 'a@example.org', status: 'Active' }])
  await process.mirror()
  await recordCleanCopy(process.migration, { rows: 1, digest })
})
afterEach(() => world.close())

const cutover = () => createCutover(process.migration, { drain: process.mirror, acknowledgeMs: 0 })
const certify = () => cutover().certificate({ privateKey, patienceMs: 100 })

describe('a certificate of convergence', () => {
  it('says what was seen, when, and of what attempt, and is what the key signed', async () => {
    const certificate = await certify()
    const { migration } = process
    expect(certificate).toMatchObject({
      format: 'twinspan-certificate/1',
      migration: 'people',
      incarnation: migration.snapshot.incarnation,
      epoch: migration.snapshot.epoch,
      phase: 'canary',
      primary: 'legacy',
      at: world.clock.ms,
      journal: 0,
      parked: 0,
      gaps: 0,
      entities: [{ entity: 'users', rows: 1, parity: 1, lowerBound95: 1, digest, finishedAt: world.clock.ms }],
      versions: { node: globalThis.process.version, legacy: 'memory', target: 'memory' },
    })
    expect(certificate.gates.map(({ name }) => name)).toEqual([
      'fences',
      'leases',
      'doctor',
      'capture-installed',
      'nothing-parked',
      'no-capture-gaps',
    ])
    const read: unknown = JSON.parse(JSON.stringify(certificate))
    expect(verifyCertificate(read, publicKey)).toEqual({ ok: true, problems: [] })
    const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string
    expect(verifyCertificate(read, pem).ok).toBe(true)
  })

  it('is the same whatever the order of its members', async () => {
    const certificate = await certify()
    const shuffled = Object.fromEntries(Object.entries(certificate).reverse())
    expect(verifyCertificate(shuffled, publicKey).ok).toBe(true)
  })

  it('does not verify once any member, however deep, was changed, added or taken away', async () => {
    const certificate = JSON.parse(JSON.stringify(await certify())) as { readonly [name: string]: Json }
    const changes = pathsOf(certificate).filter(([first]) => first !== 'signature')
    expect(changes.length).toBeGreaterThan(30)
    for (const path of changes) {
      const changed = structuredClone(certificate)
      const place = path.slice(0, -1).reduce<Record<string, unknown>>((at, name) => at[name] as never, changed as never)
      const last = path.at(-1) as string
      place[last] = typeof place[last] === 'number' ? place[last] + 1 : `${String(place[last])}x`
      expect({ path, ok: verifyCertificate(changed, publicKey).ok }).toEqual({ path, ok: false })
      delete place[last]
      expect({ path, ok: verifyCertificate(changed, publicKey).ok }).toEqual({ path, ok: false })
    }
    expect(verifyCertificate({ ...certificate, note: 'added' }, publicKey)).toEqual({
      ok: false,
      problems: ['its signature does not fit: it was changed, or signed with another key'],
    })
  })

  it('says what is wrong with what is none', async () => {
    const { signature, ...claims } = await certify()
    const another = generateKeyPairSync('ed25519').publicKey
    expect(verifyCertificate({ ...claims, signature }, another).problems).toEqual([
      'it names another key than this one',
      'its signature does not fit: it was changed, or signed with another key',
    ])
    expect(verifyCertificate(claims, publicKey).problems).toEqual(['it is not signed'])
    expect(verifyCertificate({ ...claims, journal: 3, signature }, publicKey).problems).toContain(
      'it says journal 3, not 0',
    )
    for (const none of [undefined, null, 'text', 7, [], {}]) expect(verifyCertificate(none, publicKey).ok).toBe(false)
  })

  it('takes an Ed25519 key and no other, and tells nobody what it was given', async () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey
    for (const key of [rsa, publicKey, 'secret-canary', Buffer.from('secret-canary')]) {
      const failure = await cutover()
        .certificate({ privateKey: key })
        .catch((error: unknown) => error)
      expect(failure).toMatchObject({ option: 'privateKey' })
      expect(String(failure)).not.toContain('canary')
    }
    expect(() => verifyCertificate({}, rsa)).toThrow(/Ed25519 public key/)
  })

  const refusals: readonly (readonly [reason: RegExp, spoil: () => Promise<unknown>])[] = [
    [/^1 key is dirty on legacy: target may differ in them$/, () => process.members.remove([1])],
    [
      /^nothing-parked: 1 row parked$/,
      async () => {
        const { journal } = process.migration.sides.legacy
        await process.members.remove([1])
        const rows = await journal.read({ limit: 1 })
        await journal.park([rows[0]!.id], { error: 'unique' })
      },
    ],
    [
      /^no-capture-gaps: 1 uncaptured write in users$/,
      () => process.migration.store.saveFindings([{ kind: 'capture-gap', entity: 'users', subject: 's', detail: {} }]),
    ],
    [/^capture-installed: 1 of legacy's triggers missing/, async () => world.legacy.triggers.clear()],
    [/^users: never swept/, () => process.migration.store.putDocument(sweepDocument('users'), null)],
    [/^users: 2 rows differed in the last sweep, 0 were/, () => recordCleanCopy(process.migration, { drift: 2 })],
    [/^users: 0 rows differed in the last sweep, 1 were/, () => recordCleanCopy(process.migration, { undecided: 1 })],
    [/^users: last swept before the backfill ended/, () => recordCleanCopy(process.migration, { startedAt: 1 })],
    [/^users: last swept while target was/, () => recordCleanCopy(process.migration, { primary: 'target' })],
    [
      /^users: last swept 1441 minutes ago/,
      async () => {
        world.clock.ms += 1_441 * 60_000
        await process.acknowledge()
      },
    ],
    [
      /^fences: another switch is under way/,
      async () => {
        const { fence } = process.migration.sides.legacy
        const found = (await fence.read())!
        const pending = { to: 'target-primary', instance: 'another', deadline: found.now + 5_000 } as const
        await fence.change(found.row.revision, { ...found.row, open: false, pending })
      },
    ],
    [/^in capture nothing is mirrored/, () => cutover().rollback({ to: 'capture', ...by })],
  ]

  it.each(refusals)('is refused with %s', async (reason, spoil) => {
    await spoil()
    const failure = await certify().catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(CertificateRefusedError)
    expect(failure).toMatchObject({ code: 'TWINSPAN_CERTIFICATE_REFUSED' })
    expect((failure as CertificateRefusedError).reasons).toContainEqual(expect.stringMatching(reason))
    expect((failure as Error).message).toMatch(/^No certificate for "people": /)
  })

  it('waits for a moment in which nothing is dirty', async () => {
    await process.members.remove([1])
    setTimeout(() => void process.mirror(), 5)
    expect(await cutover().certificate({ privateKey, patienceMs: 60_000 })).toMatchObject({ journal: 0 })
  })

  it('asks for a sweep of its own after the switch, and is of the new primary then', async () => {
    await cutover().advance({ to: 'target-primary', ...by })
    await process.acknowledge()
    await expect(certify()).rejects.toThrow('last swept while legacy was the primary')
    await recordCleanCopy(process.migration)
    expect(await certify()).toMatchObject({ phase: 'target-primary', primary: 'target', entities: [{ digest: null }] })
  })
})

/** The path of every value that is no object. */
function pathsOf(value: Json, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path]
  return Object.entries(value).flatMap(([name, item]) => pathsOf(item as Json, [...path, name]))
}
