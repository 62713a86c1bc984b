export { allSchemes } from './all.ts'
export { type Argon2Policy, argon2d, argon2i, argon2id } from './argon2.ts'
export { bcrypt } from './bcrypt.ts'
export { djangoBcrypt, djangoBcryptSha256, passlibBcryptSha256 } from './bcrypt-sha256.ts'
export { apr1, md5Crypt, sha1Crypt, sha256Crypt, sha512Crypt } from './crypt.ts'
export { ldapCrypt, ldapMd5, ldapSha, ldapSmd5, ldapSsha, ldapSsha256, ldapSsha512 } from './ldap.ts'
export {
  atlassianPbkdf2,
  djangoPbkdf2Sha1,
  djangoPbkdf2Sha256,
  grubPbkdf2Sha512,
  pbkdf2Sha1,
  pbkdf2Sha256,
  pbkdf2Sha512,
} from './pbkdf2.ts'
export { drupal7, phpass } from './phpass.ts'
export type { CostParams, PasswordHasher, Reading, Refusal, Refused, Scheme } from './scheme.ts'
export { scrypt } from './scrypt.ts'
