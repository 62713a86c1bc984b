export { allSchemes } from './all.ts'
export { type Argon2Policy, argon2d, argon2i, argon2id } from './argon2.ts'
export { aspnetIdentityV2, aspnetIdentityV3 } from './aspnet.ts'
export { atlassianPbkdf2 } from './atlassian.ts'
export { bcrypt } from './bcrypt.ts'
export { djangoBcrypt, djangoBcryptSha256, passlibBcryptSha256 } from './bcrypt-sha256.ts'
export { apr1, md5Crypt, sha1Crypt, sha256Crypt, sha512Crypt } from './crypt.ts'
export { bsdiCrypt, desCrypt } from './des-crypt.ts'
export { md5Hex, ntlm, sha1Hex, sha256Hex, sha512Hex } from './digests.ts'
export { djangoArgon2, djangoMd5, djangoPbkdf2Sha1, djangoPbkdf2Sha256, djangoSha1 } from './django.ts'
export { type FirebaseProject, firebaseScrypt, firescrypt } from './firebase.ts'
export { grafana } from './grafana.ts'
export { grubPbkdf2Sha512 } from './grub.ts'
export { kratosDigest, kratosHmac } from './kratos.ts'
export {
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
export { ldapPbkdf2Sha1, ldapPbkdf2Sha256, ldapPbkdf2Sha512 } from './ldap-pbkdf2.ts'
export { mysql41, mysql323 } from './mysql.ts'
export { ctaPbkdf2, dlitzPbkdf2 } from './p5k2.ts'
export { pbkdf2Sha1, pbkdf2Sha256, pbkdf2Sha512 } from './pbkdf2-phc.ts'
export { drupal7, phpass } from './phpass.ts'
export { postgresMd5, postgresScram } from './postgres.ts'
export {
  actsAsAuthenticated,
  authlogic,
  type DeviseOptions,
  deviseBcrypt,
  deviseSha1,
  deviseSha512,
  joomla,
  magento1,
  mediaWiki,
  mybb,
  openCart,
  osCommerce,
  punbb,
  type RestfulAuthOptions,
  redmine,
  restfulAuth,
  smf,
  symfony,
  vbulletin,
} from './presets.ts'
export type { CostParams, HashParams, PasswordHasher, Reading, Refusal, Refused, Scheme } from './scheme.ts'
export { djangoScrypt, scrypt, scryptCrypt, werkzeugScrypt } from './scrypt.ts'
export { spring } from './spring.ts'
export { type TemplateDigest, type TemplateOptions, type TemplatePart, template } from './template.ts'
export { werkzeugPbkdf2 } from './werkzeug.ts'
export { wordpress } from './wordpress.ts'
