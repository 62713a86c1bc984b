import { numberOption, textOption } from '@twinspan/core'
import { bcrypt } from './bcrypt.ts'
import type { Scheme } from './scheme.ts'
import { type TemplateDigest, type TemplateOptions, type TemplatePart, template } from './template.ts'

type Preset = Pick<TemplateOptions, 'text'>

const MD5_OF_PASSWORD: TemplateDigest = { algorithm: 'md5', parts: ['password'] }
const MD5_OF_SALT: TemplateDigest = { algorithm: 'md5', parts: ['salt'] }
const SHA1_OF_PASSWORD: TemplateDigest = { algorithm: 'sha1', parts: ['password'] }

/** vBulletin 3 and 4: MD5 of the password's MD5 and the salt. */
export function vbulletin(options: Preset = {}): Scheme {
  return template({ ...options, name: 'vbulletin', algorithm: 'md5', parts: [{ nested: MD5_OF_PASSWORD }, 'salt'] })
}

/** MyBB and Invision Power Board 2 and 3: MD5 of the salt's MD5 and the password's MD5. */
export function mybb(options: Preset = {}): Scheme {
  return template({
    ...options,
    name: 'mybb',
    algorithm: 'md5',
    parts: [{ nested: MD5_OF_SALT }, { nested: MD5_OF_PASSWORD }],
  })
}

/** Joomla before 2.5.18: `digest:salt`, MD5 of password and salt. */
export function joomla(options: Preset = {}): Scheme {
  return template({ ...options, name: 'joomla', algorithm: 'md5', parts: ['password', 'salt'] })
}

/** osCommerce, xt:Commerce, Zen Cart: `digest:salt`, MD5 of salt and password. */
export function osCommerce(options: Preset = {}): Scheme {
  return template({ ...options, name: 'oscommerce', algorithm: 'md5', parts: ['salt', 'password'] })
}

/** Magento 1: `digest:salt`, MD5 of salt and password. */
export function magento1(options: Preset = {}): Scheme {
  return template({ ...options, name: 'magento1', algorithm: 'md5', parts: ['salt', 'password'] })
}

/** Simple Machines Forum 1.1 and 2.0: SHA-1 of `params.username` in small letters and the password. */
export function smf(options: Preset = {}): Scheme {
  return template({
    ...options,
    name: 'smf',
    algorithm: 'sha1',
    parts: [{ param: 'username', lower: true }, 'password'],
  })
}

/** Redmine: SHA-1 of the salt and the password's SHA-1. */
export function redmine(options: Preset = {}): Scheme {
  return template({ ...options, name: 'redmine', algorithm: 'sha1', parts: ['salt', { nested: SHA1_OF_PASSWORD }] })
}

/** PunBB and FluxBB: SHA-1 of the salt and the password's SHA-1. */
export function punbb(options: Preset = {}): Scheme {
  return template({ ...options, name: 'punbb', algorithm: 'sha1', parts: ['salt', { nested: SHA1_OF_PASSWORD }] })
}

/** OpenCart 1.5 to 2 and WoltLab Burning Board 3: SHA-1 of the salt and of that once more, around the password's. */
export function openCart(options: Preset = {}): Scheme {
  const inner: TemplateDigest = { algorithm: 'sha1', parts: ['salt', { nested: SHA1_OF_PASSWORD }] }
  return template({ ...options, name: 'opencart', algorithm: 'sha1', parts: ['salt', { nested: inner }] })
}

/** MediaWiki before 1.24, type B: `:B:salt:digest`, MD5 of the salt, a hyphen and the password's MD5. */
export function mediaWiki(options: Preset = {}): Scheme {
  return template({
    ...options,
    name: 'mediawiki',
    prefix: ':B:',
    saltFirst: true,
    algorithm: 'md5',
    parts: ['salt', { literal: '-' }, { nested: MD5_OF_PASSWORD }],
  })
}

/** Symfony's message digest encoder: SHA-512 of `password{salt}`, again with itself before it, in base64. */
export function symfony(options: Preset & { readonly iterations?: number } = {}): Scheme {
  const { iterations, ...rest } = options
  const salted: readonly TemplatePart[] = ['password', { literal: '{' }, 'salt', { literal: '}' }]
  return template({
    ...rest,
    name: 'symfony',
    algorithm: 'sha512',
    encoding: 'base64',
    carry: 'bytes',
    parts: ['previous', ...salted],
    rounds: numberOption('iterations', iterations, 5_000, { min: 1, integer: true }),
  })
}

export interface RestfulAuthOptions extends Preset {
  /** `REST_AUTH_SITE_KEY`. */
  readonly siteKey: string
  /**
   * `REST_AUTH_DIGEST_STRETCHES`.
   *
   * @default 10
   */
  readonly stretches?: number
}

/** Rails restful-authentication with a site key. @throws InvalidOptionError */
export function restfulAuth({ siteKey, stretches, ...options }: RestfulAuthOptions): Scheme {
  const key = { literal: textOption('siteKey', siteKey, 'restfulAuth') }
  const dash = { literal: '--' }
  return template({
    ...options,
    name: 'restful-auth',
    algorithm: 'sha1',
    parts: ['previous', dash, 'salt', dash, 'password', dash, key],
    first: [key],
    rounds: numberOption('stretches', stretches, 10, { min: 1, integer: true }),
  })
}

/** Rails acts_as_authenticated and the first restful-authentication: SHA-1 of `--salt--password--`. */
export function actsAsAuthenticated(options: Preset = {}): Scheme {
  const dash = { literal: '--' }
  return template({
    ...options,
    name: 'acts-as-authenticated',
    algorithm: 'sha1',
    parts: [dash, 'salt', dash, 'password', dash],
  })
}

/** Authlogic with SHA-512: password and salt, digested twenty times. */
export function authlogic(options: Preset & { readonly stretches?: number } = {}): Scheme {
  const { stretches, ...rest } = options
  return template({
    ...rest,
    name: 'authlogic',
    algorithm: 'sha512',
    parts: ['previous'],
    first: ['password', 'salt'],
    rounds: numberOption('stretches', stretches, 20, { min: 1, integer: true }),
  })
}

export interface DeviseOptions extends Preset {
  /** `config.pepper`. */
  readonly pepper: string
  /**
   * `config.stretches`.
   *
   * @default 10
   */
  readonly stretches?: number
}

/** devise-encryptable with its SHA-1 encryptor. @throws InvalidOptionError */
export function deviseSha1(options: DeviseOptions): Scheme {
  return devise('devise-sha1', 'sha1', options)
}

/** devise-encryptable with its SHA-512 encryptor. @throws InvalidOptionError */
export function deviseSha512(options: DeviseOptions): Scheme {
  return devise('devise-sha512', 'sha512', options)
}

/** Devise with a pepper: bcrypt of the password and the pepper behind it. @throws InvalidOptionError */
export function deviseBcrypt({ pepper }: Pick<DeviseOptions, 'pepper'>): Scheme {
  const seasoning = Buffer.from(textOption('pepper', pepper, 'deviseBcrypt'))
  const inner = bcrypt()
  return {
    ...inner,
    name: 'devise-bcrypt',
    read(hash, limits) {
      const reading = inner.read(hash, limits)
      if (!reading.ok) return reading
      const { ok, params, verify } = reading
      return { ok, params, verify: (password) => verify(Buffer.concat([password, seasoning])) }
    },
  }
}

function devise(name: string, algorithm: 'sha1' | 'sha512', { pepper, stretches, ...options }: DeviseOptions): Scheme {
  const dash = { literal: '--' }
  const key = { literal: textOption('pepper', pepper, name) }
  return template({
    ...options,
    name,
    algorithm,
    parts: [dash, 'salt', dash, 'previous', dash, 'password', dash, key, dash],
    first: [key],
    rounds: numberOption('stretches', stretches, 10, { min: 1, integer: true }),
  })
}
