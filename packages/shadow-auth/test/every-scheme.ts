import {
  actsAsAuthenticated,
  allSchemes,
  authlogic,
  bsdiCrypt,
  desCrypt,
  deviseBcrypt,
  deviseSha1,
  deviseSha512,
  firebaseScrypt,
  joomla,
  magento1,
  md5Hex,
  mediaWiki,
  mybb,
  ntlm,
  openCart,
  osCommerce,
  punbb,
  redmine,
  restfulAuth,
  type Scheme,
  sha1Hex,
  sha256Hex,
  sha512Hex,
  smf,
  symfony,
  vbulletin,
} from '../src/schemes/index.ts'

/** The project that Firebase documents its scrypt with. */
const FIREBASE = {
  signerKey: 'jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==',
}

/** The schemes that have to be named, because nothing in their strings says what they are. */
export const NAMED: readonly Scheme[] = [
  desCrypt(),
  bsdiCrypt(),
  md5Hex(),
  sha1Hex(),
  sha256Hex(),
  sha512Hex(),
  ntlm(),
  vbulletin(),
  mybb(),
  joomla(),
  osCommerce(),
  magento1(),
  smf(),
  symfony(),
  redmine(),
  punbb(),
  openCart(),
  mediaWiki(),
  restfulAuth({ siteKey: 'site key' }),
  actsAsAuthenticated(),
  authlogic(),
  deviseSha1({ pepper: 'the pepper' }),
  deviseSha512({ pepper: 'the pepper' }),
  deviseBcrypt({ pepper: 'the pepper' }),
  firebaseScrypt(FIREBASE),
]

export const TOLD_APART: readonly Scheme[] = allSchemes()

export const EVERY: readonly Scheme[] = [...TOLD_APART, ...NAMED]
