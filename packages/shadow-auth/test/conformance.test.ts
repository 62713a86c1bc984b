import { afterAll, describe, expect, it } from 'vitest'
import { DEFAULT_LIMITS, identify, type Scheme, verifyPassword } from '../src/index.ts'
import { template } from '../src/schemes/index.ts'
import { EVERY, NAMED, TOLD_APART } from './every-scheme.ts'
import { TEMPLATES } from './templates.ts'
import { MALFORMED, passwordOf, VECTORS, type Vector } from './vectors.ts'

/** How many vectors of a scheme passed, by source. */
const passed = new Map<string, Map<string, number>>()

describe('vectors', () => {
  it.each(EVERY)('$name reads and verifies what others wrote', async (scheme) => {
    const vectors = VECTORS.filter((vector) => vector.scheme === scheme.name)
    await Promise.all(vectors.map((vector) => verify(vector, scheme)))
  })

  it('template describes what others wrote', async () => {
    for (const [mode, recipe, hash] of TEMPLATES) {
      const scheme = template({ name: 'template', ...recipe })
      await verify(
        { source: `hashcat, example hashes, mode ${mode}`, scheme: 'template', text: 'hashcat', hash },
        scheme,
      )
    }
  })

  it('belong to a scheme each, are all different, and name their source', () => {
    const names = new Set(EVERY.map(({ name }) => name))
    expect(VECTORS.filter(({ scheme }) => !names.has(scheme))).toEqual([])
    expect(
      new Set(VECTORS.map((vector) => `${vector.scheme} ${vector.hash} ${passwordOf(vector).toString('hex')}`)).size,
    ).toBe(VECTORS.length)
    expect(VECTORS.filter(({ source }) => source.length < 4)).toEqual([])
    expect([...names].filter((name) => VECTORS.filter(({ scheme }) => scheme === name).length < 2)).toEqual([])
  })

  it('cover 35 schemes that the string alone tells apart, and are more than 400', () => {
    const told = new Set(TOLD_APART.map(({ name }) => name))
    const covered = [...passed].filter(([name]) => told.has(name))
    expect(covered.length).toBe(told.size)
    expect(covered.length).toBeGreaterThanOrEqual(35)
    expect(sum(covered.flatMap(([, sources]) => [...sources.values()]))).toBeGreaterThanOrEqual(400)
    expect(sum(counts())).toBe(VECTORS.length + TEMPLATES.length)
  })

  it('are claimed by one scheme of those that the string alone tells apart, or by none', () => {
    for (const { hash, scheme } of VECTORS) {
      const claiming = TOLD_APART.filter((candidate) => candidate.claims(hash)).map(({ name }) => name)
      if (TOLD_APART.some(({ name }) => name === scheme))
        expect({ hash, claiming }).toEqual({ hash, claiming: [scheme] })
      else expect(claiming.length).toBeLessThanOrEqual(1)
    }
  })

  // passlib does not support `$2x$`; for a password of ASCII it is an ordinary bcrypt hash.
  it.each(MALFORMED.filter((hash) => !hash.startsWith('$2x$')))('passlib refuses %s, and so do we', async (hash) => {
    const { ok, reason } = await verifyPassword('password', hash, TOLD_APART)
    expect({ ok, reason: reason === 'ambiguous' ? undefined : reason }).toEqual({
      ok: false,
      reason: expect.any(String),
    })
  })
})

describe('a hash taken apart', () => {
  it.each(EVERY)('$name has a digest that is made again without the digest at hand', async (scheme) => {
    const vectors = VECTORS.filter((vector) => vector.scheme === scheme.name && !isExpensive(vector.hash)).slice(0, 5)
    for (const vector of vectors) {
      const reading = scheme.read(vector.hash, DEFAULT_LIMITS, vector.params)
      if (!reading.ok || reading.inner === undefined) continue
      const { shell, digest } = reading.inner
      const again = scheme.read(shell, DEFAULT_LIMITS, vector.params)
      expect({ shell, ok: again.ok, claimed: scheme.claims(shell) }).toEqual({ shell, ok: true, claimed: true })
      expect(shell).not.toContain(digest)
      const made = again.ok ? await again.inner?.derive(passwordOf(vector)) : undefined
      expect({ hash: vector.hash, made }).toEqual({ hash: vector.hash, made: digest })
    }
  })
})

describe('dummies', () => {
  it.each(EVERY)(
    '$name makes one that it can read, at the cost asked for, and that no password fits',
    async (scheme) => {
      const params = { username: 'anna', salt: 'salt' }
      expect(scheme.read(scheme.dummy(), DEFAULT_LIMITS, params)).toMatchObject({ ok: true })
      const costs = VECTORS.filter((vector) => vector.scheme === scheme.name && !isExpensive(vector.hash))
        .map(({ hash }) => identify(hash)?.params)
        .filter((cost) => cost !== undefined)
      const cheap = scheme.dummy(costs[0])
      expect(await verifyPassword('password', cheap, [scheme], { params })).toEqual({ ok: false, scheme: scheme.name })

      if (scheme.name === 'ldap-crypt' || scheme.name === 'spring' || NAMED.includes(scheme)) return
      for (const cost of costs) {
        expect(identify(scheme.dummy(cost))).toMatchObject({ scheme: scheme.name, params: cost })
      }
    },
  )
})

afterAll(() => {
  const rows = [...passed].sort(([a], [b]) => a.localeCompare(b))
  const lines = rows.map(([scheme, sources]) => {
    const named = [...sources].map(([source, count]) => `${source} (${count})`)
    return `${scheme.padEnd(24)}${String(sum(sources.values())).padStart(4)}  ${named.join('; ')}`
  })
  const total = `${rows.length} schemes, ${sum(counts())} of ${VECTORS.length + TEMPLATES.length} vectors passed`
  console.log([`${'scheme'.padEnd(24)}  ok  sources`, ...lines, total].join('\n'))
})

async function verify(vector: Vector, scheme: Scheme): Promise<void> {
  const password = passwordOf(vector)
  const schemes = TOLD_APART.includes(scheme) ? TOLD_APART : [scheme]
  const options = vector.params === undefined ? {} : { params: vector.params }
  const right = await verifyPassword(password, vector.hash, schemes, options)
  expect({ hash: vector.hash, ...right }).toEqual({ hash: vector.hash, ok: true, scheme: scheme.name })
  if (!isExpensive(vector.hash)) {
    const other = Buffer.concat([Buffer.from('x'), password.subarray(0, 60)])
    const wrong = await verifyPassword(other, vector.hash, schemes, options)
    expect({ hash: vector.hash, ...wrong }).toEqual({ hash: vector.hash, ok: false, scheme: scheme.name })
  }

  const sources = passed.get(scheme.name) ?? new Map<string, number>()
  const source = vector.source.replace(/, mode \d+$/, '')
  passed.set(scheme.name, sources.set(source, (sources.get(source) ?? 0) + 1))
}

// The wrong password costs as much as the right one; the cheap vectors of the same scheme show what there is to show.
function isExpensive(hash: string): boolean {
  const { m = 0, t = 0, cost = 0, rounds = 0, log2 = 0, iterations = 0, N = 0 } = identify(hash)?.params ?? {}
  return m * t > 8_192 || cost > 8 || rounds > 5_000 || log2 > 12 || iterations > 20_000 || N > 4_096
}

function counts(): number[] {
  return [...passed.values()].flatMap((sources) => [...sources.values()])
}

function sum(numbers: Iterable<number>): number {
  return [...numbers].reduce((total, number) => total + number, 0)
}
