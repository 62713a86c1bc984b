import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { COMMANDS } from '../src/commands/table.ts'
import { guide } from './guide.ts'
import { createShop, type Ran, type Shop } from './world.ts'

interface Shape {
  readonly commands: readonly string[]
  readonly type: string
  readonly needed: readonly string[]
  readonly allowed: readonly string[]
}

/** The table of the page, row by row. */
const shapes: readonly Shape[] = Array.from(
  guide.matchAll(/^\| (`[^|]*`) \| (?:`(\w+)`)? ?\| (`[^|]*`) \|$/gm),
  ([, commands = '', type = '', fields = '']) => {
    const words = (text: string): string[] => Array.from(text.matchAll(/`([^`]+)`/g), ([, word = '']) => word)
    const named = [...(type === '' ? [] : ['type']), ...words(fields)]
    return {
      commands: words(commands),
      type,
      needed: named.filter((name) => !name.endsWith('?')),
      allowed: named.map((name) => name.replace('?', '')),
    }
  },
)

describe('--json writes what the page says', () => {
  let shop: Shop
  let folder: string
  const seen = new Set<string>()
  const ranWell = new Set<string>()
  beforeAll(async () => {
    shop = createShop()
    folder = await mkdtemp(join(tmpdir(), 'twinspan-json-'))
  })
  afterAll(async () => {
    await shop.end()
    await rm(folder, { recursive: true })
  })

  /** Holds every object of a command against the page. */
  async function check(name: string, rest = '', options = {}): Promise<Ran> {
    const ran = await shop.run(`${name} ${rest} --json`, options)
    expect(ran.stderr).toBe('')
    for (const object of ran.objects) {
      const type = (object as { readonly type?: string }).type ?? ''
      const shape = shapes.find((row) => row.commands.includes(name) && row.type === type)
      expect(shape, `${name} writes a ${type || 'plain'} object, which the page does not know`).toBeDefined()
      const keys = Object.keys(object)
      const odd = keys.filter((key) => shape?.allowed.includes(key) !== true)
      const missing = shape?.needed.filter((key) => !keys.includes(key))
      expect({ name, type, odd, missing }).toEqual({ name, type, odd: [], missing: [] })
      seen.add(`${name}|${type}`)
      ranWell.add(name.split(' --')[0] ?? '')
    }
    return ran
  }

  it('on the whole road', { timeout: 60_000 }, async () => {
    const reason = '--reason test'
    await check('init', '', { cwd: folder })
    await check('doctor')
    for (let step = 0; step < 2; step++) await check('advance', reason)
    for (const order of ['pause', 'resume', 'cancel', 'resume']) await check(`backfill ${order}`, reason)
    await check('backfill configure', `--chunk-rows 100 ${reason}`)
    await check('backfill')
    await check('status')
    await check('plan')
    await check('reconcile', '--track')
    shop.legacy.exec("update members set mail = 'new@example.org' where member_id = 1")
    shop.target.exec("create trigger refuses before update on users begin select raise(fail, 'no'); end")
    await park(shop)
    await check('parked')
    await check('parked', '--reveal keys')
    await check('retry', reason)
    shop.target.exec('drop trigger refuses')
    await check('retry', reason)
    shop.target.exec("update users set email = 'wrong@example.org' where id = 2")
    await check('resweep', '--rotation 1')
    await check('reconcile --sample', '10 --reveal values')
    await check('watch', '--rest 60', { signal: whenFirst().signal })
    await check('reconcile', '--reveal values --repair')
    await check('findings')
    await check('reconcile')
    const { privateKey, publicKey } = generateKeyPairSync('ed25519', {
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    })
    await writeFile(join(folder, 'private.pem'), privateKey)
    await writeFile(join(folder, 'public.pem'), publicKey)
    const { stdout } = await check('certificate', '--key private.pem', { cwd: folder })
    await writeFile(join(folder, 'certificate.json'), stdout)
    expect((await check('verify-certificate', 'certificate.json --key public.pem', { cwd: folder })).status).toBe(0)
    await writeFile(join(folder, 'certificate.json'), stdout.replace('"rows":3', '"rows":4'))
    expect((await check('verify-certificate', 'certificate.json --key public.pem', { cwd: folder })).status).toBe(1)
    for (let step = 0; step < 2; step++) await check('advance', reason)
    await check('ramp', reason)
    await check('kill', reason)
    await check('rearm', reason)
    await check('ramp', `100 ${reason}`)
    for (let step = 0; step < 2; step++) await check('advance', reason)
    await check('thaw', reason)
    await check('freeze', reason)
    await check('rollback', reason)
    await check('advance', reason)
    await check('archive', `"${join(folder, 'archive')}" ${reason}`)
    await check('verify-archive', `"${join(folder, 'archive')}"`)
    await check('audit')
  })

  it('for every command', () => {
    const commands = COMMANDS.map(({ under, usage }) => [under, usage.split(' ')[0]].filter(Boolean).join(' '))
    expect([...ranWell].sort()).toEqual(commands.toSorted())
  })

  it('and every row of the page was seen', () => {
    const rows = shapes.flatMap(({ commands, type }) => commands.map((name) => `${name}|${type}`))
    expect(rows.filter((row) => !seen.has(row))).toEqual([])
  })

  /** Stops a watch after its first sweep. */
  function whenFirst(): AbortController {
    const stop = new AbortController()
    setTimeout(() => stop.abort(), 3_000)
    return stop
  }
})

/** Copies until the row that cannot be copied is parked. */
async function park(shop: Shop): Promise<void> {
  const { migration } = shop.open()
  await migration.start()
  const { journal } = migration.sides.legacy
  const rows = await journal.read({ limit: 10 })
  await journal.park(
    rows.map(({ id }) => id),
    { error: 'SqliteError (SQLITE_CONSTRAINT_TRIGGER)' },
  )
  await migration.stop()
}
