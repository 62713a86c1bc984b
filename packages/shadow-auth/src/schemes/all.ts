import { argon2d, argon2i, argon2id } from './argon2.ts'
import { bcrypt } from './bcrypt.ts'
import { djangoBcrypt, djangoBcryptSha256, passlibBcryptSha256 } from './bcrypt-sha256.ts'
import { apr1, md5Crypt, sha1Crypt, sha256Crypt, sha512Crypt } from './crypt.ts'
import { ldapCrypt, ldapMd5, ldapSha, ldapSmd5, ldapSsha, ldapSsha256, ldapSsha512 } from './ldap.ts'
import {
  atlassianPbkdf2,
  djangoPbkdf2Sha1,
  djangoPbkdf2Sha256,
  grubPbkdf2Sha512,
  pbkdf2Sha1,
  pbkdf2Sha256,
  pbkdf2Sha512,
} from './pbkdf2.ts'
import { drupal7, phpass } from './phpass.ts'
import type { Scheme } from './scheme.ts'
import { scrypt } from './scrypt.ts'

/** Every scheme whose hashes can be told apart by the string alone. */
export function allSchemes(): readonly Scheme[] {
  return [
    argon2id(),
    argon2i(),
    argon2d(),
    bcrypt(),
    djangoBcrypt(),
    djangoBcryptSha256(),
    passlibBcryptSha256(),
    phpass(),
    drupal7(),
    md5Crypt(),
    apr1(),
    sha1Crypt(),
    sha256Crypt(),
    sha512Crypt(),
    scrypt(),
    pbkdf2Sha1(),
    pbkdf2Sha256(),
    pbkdf2Sha512(),
    djangoPbkdf2Sha1(),
    djangoPbkdf2Sha256(),
    atlassianPbkdf2(),
    grubPbkdf2Sha512(),
    ldapSha(),
    ldapMd5(),
    ldapSmd5(),
    ldapSsha(),
    ldapSsha256(),
    ldapSsha512(),
    ldapCrypt(),
  ]
}
