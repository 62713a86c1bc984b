import { createHash, createHmac } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { verifyPassword } from '../src/index.ts'
import { type TemplateOptions, template } from '../src/schemes/index.ts'
import { TEMPLATES } from './templates.ts'

describe('a template', () => {
  it.each(TEMPLATES)('describes mode %i of hashcat', async (mode, recipe, hash) => {
    const scheme = template({ name: `mode-${mode}`, ...recipe })
    expect(await verifyPassword('hashcat', hash, [scheme])).toEqual({ ok: true, scheme: scheme.name })
    expect(await verifyPassword('hashcaT', hash, [scheme])).toEqual({ ok: false, scheme: scheme.name })
    const [digest = '', salt] = hash.split(':')
    if (salt === undefined) return
    expect((await verifyPassword('hashcat', digest, [scheme], { params: { salt } })).ok).toBe(true)
    expect(await verifyPassword('hashcat', digest, [scheme])).toMatchObject({ ok: false, reason: 'ambiguous' })
  })

  it('takes every salt and every password for nothing but itself', async () => {
    const scheme = template({ name: 'own', algorithm: 'md5', parts: ['salt', { literal: '$' }, 'password'] })
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('$', '{salt}', 'password', '$&', '%s', '#{x}', '\0'),
    )
    await fc.assert(
      fc.asyncProperty(text, text, async (salt, password) => {
        const hash = `${createHash('md5').update(`${salt}$${password}`).digest('hex')}:${salt}`
        expect((await verifyPassword(password, hash, [scheme])).ok).toBe(true)
        expect((await verifyPassword(`${password}x`, hash, [scheme])).ok).toBe(false)
      }),
      { numRuns: 300 },
    )
  })

  it('reads base64, another separator, a prefix, and a salt that stands before the digest', async () => {
    const digest = createHmac('sha256', 'the pepper').update('saltpassword').digest('base64')
    const recipe = {
      name: 'shop',
      algorithm: 'sha256',
      key: [{ param: 'pepper' }],
      parts: ['salt', 'password'],
      encoding: 'base64',
      separator: '#',
      prefix: 'v1:',
      saltFirst: true,
    } as const
    const scheme = template(recipe)
    const params = { pepper: 'the pepper' }
    const verify = async (hash: string) => verifyPassword('password', hash, [scheme], { params })
    expect(await verify(`v1:salt#${digest}`)).toEqual({ ok: true, scheme: 'shop' })
    expect(await verify(`v1:salt:${digest}`)).toMatchObject({ ok: false, reason: 'unsupported' })
    expect(await verify(`v2:salt#${digest}`)).toMatchObject({ ok: false, reason: 'unsupported' })
    expect(await verifyPassword('password', `v1:salt#${digest}`, [scheme])).toMatchObject({ reason: 'ambiguous' })
    expect(await verify(scheme.dummy())).toEqual({ ok: false, scheme: 'shop' })
  })

  it.each<[string, Partial<TemplateOptions>]>([
    ['algorithm', { algorithm: 'md4' as 'md5' }],
    ['algorithm', { algorithm: '__proto__' as 'md5' }],
    ['encoding', { encoding: 'bytes' }],
    ['encoding', { encoding: 'hax' as 'hex' }],
    ['parts', { parts: [] }],
    ['parts', { parts: ['salt'] }],
    ['parts', { parts: ['passwort' as 'password'] }],
    ['parts', { parts: ['password', {} as { literal: string }] }],
    ['parts', { parts: ['password', null as unknown as 'salt'] }],
    ['parts.nested', { parts: ['password', { nested: { algorithm: 'md5', parts: [] } }] }],
    ['algorithm', { parts: ['password', { nested: { algorithm: 'md4' as 'md5', parts: ['password'] } }] }],
    ['carry', { carry: 'hax' as 'hex' }],
    ['rounds', { rounds: 0 }],
    ['rounds', { rounds: 100_000 }],
    ['separator', { separator: '' }],
    ['text', { text: 'ebcdic' as 'utf8' }],
    ['name', { name: '' }],
  ])('refuses a bad %s by its name: %o', (option, bad) => {
    expect(() => template({ name: 'own', algorithm: 'md5', parts: ['password'], ...bad })).toThrow(option)
  })
})
