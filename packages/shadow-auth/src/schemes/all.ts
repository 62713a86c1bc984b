import { argon2d, argon2i, argon2id } from './argon2.ts'
import { aspnetIdentityV2, aspnetIdentityV3 } from './aspnet.ts'
import { atlassianPbkdf2 } from './atlassian.ts'
import { bcrypt } from './bcrypt.ts'
import { djangoBcrypt, djangoBcryptSha256, passlibBcryptSha256 } from './bcrypt-sha256.ts'
import { apr1, md5Crypt, sha1Crypt, sha256Crypt, sha512Crypt } from './crypt.ts'
import { djangoArgon2, djangoMd5, djangoPbkdf2Sha1, djangoPbkdf2Sha256, djangoSha1 } from './django.ts'
import { firescrypt } from './firebase.ts'
import { grafana } from './grafana.ts'
import { grubPbkdf2Sha512 } from './grub.ts'
import { kratosDigest, kratosHmac } from './kratos.ts'
import {
  ldapCrypt,
  ldapMd5,
  ldapSha,
  ldapSha256,
  ldapSha512,
  ldapSmd5,
  ldapSsha,
  ldapSsha256,
  ldapSsha512,
} from './ldap.ts'
import { ldapPbkdf2Sha1, ldapPbkdf2Sha256, ldapPbkdf2Sha512 } from './ldap-pbkdf2.ts'
import { mysql41, mysql323 } from './mysql.ts'
import { ctaPbkdf2, dlitzPbkdf2 } from './p5k2.ts'
import { pbkdf2Sha1, pbkdf2Sha256, pbkdf2Sha512 } from './pbkdf2-phc.ts'
import { drupal7, phpass } from './phpass.ts'
import { postgresMd5, postgresScram } from './postgres.ts'
import type { Scheme } from './scheme.ts'
import { djangoScrypt, scrypt, scryptCrypt, werkzeugScrypt } from './scrypt.ts'
import { spring } from './spring.ts'
import { werkzeugPbkdf2 } from './werkzeug.ts'
import { wordpress } from './wordpress.ts'

/** Every scheme whose hashes can be told apart by the string alone. */
export function allSchemes(): readonly Scheme[] {
  return [
    argon2id(),
    argon2i(),
    argon2d(),
    djangoArgon2(),
    bcrypt(),
    djangoBcrypt(),
    djangoBcryptSha256(),
    passlibBcryptSha256(),
    wordpress(),
    phpass(),
    drupal7(),
    md5Crypt(),
    apr1(),
    sha1Crypt(),
    sha256Crypt(),
    sha512Crypt(),
    scrypt(),
    scryptCrypt(),
    djangoScrypt(),
    werkzeugScrypt(),
    firescrypt(),
    pbkdf2Sha1(),
    pbkdf2Sha256(),
    pbkdf2Sha512(),
    djangoPbkdf2Sha1(),
    djangoPbkdf2Sha256(),
    werkzeugPbkdf2(),
    aspnetIdentityV2(),
    aspnetIdentityV3(),
    atlassianPbkdf2(),
    grafana(),
    grubPbkdf2Sha512(),
    ctaPbkdf2(),
    dlitzPbkdf2(),
    ldapPbkdf2Sha1(),
    ldapPbkdf2Sha256(),
    ldapPbkdf2Sha512(),
    ldapSha(),
    ldapMd5(),
    ldapSmd5(),
    ldapSha256(),
    ldapSha512(),
    ldapSsha(),
    ldapSsha256(),
    ldapSsha512(),
    ldapCrypt(),
    djangoMd5(),
    djangoSha1(),
    kratosDigest(),
    kratosHmac(),
    spring(),
    mysql41(),
    mysql323(),
    postgresMd5(),
    postgresScram(),
  ]
}
