import type { TemplateDigest, TemplateOptions } from '../src/schemes/index.ts'

type Recipe = Omit<TemplateOptions, 'name'>

const md5 = (...parts: TemplateDigest['parts']): TemplateDigest => ({ algorithm: 'md5', parts })
const sha1 = (...parts: TemplateDigest['parts']): TemplateDigest => ({ algorithm: 'sha1', parts })
const sha256 = (...parts: TemplateDigest['parts']): TemplateDigest => ({ algorithm: 'sha256', parts })
const sha512 = (...parts: TemplateDigest['parts']): TemplateDigest => ({ algorithm: 'sha512', parts })
const utf16 = (digest: TemplateDigest): Recipe => ({ ...digest, text: 'utf16le' })
const keyed = (digest: TemplateDigest, key: 'password' | 'salt'): Recipe => ({
  ...digest,
  key: [key],
  parts: [key === 'salt' ? 'password' : 'salt'],
})

/** Example hashes of hashcat by mode, and what they are made of; the password is `hashcat`. */
export const TEMPLATES: readonly (readonly [number, Recipe, string])[] = [
  [10, md5('password', 'salt'), '01dfae6e5d4d90d9892622325959afbe:7050461'],
  [20, md5('salt', 'password'), 'f0fda58630310a6dd91a7d8f0a4ceda2:4225637426'],
  [30, utf16(md5('password', 'salt')), 'b31d032cfdcf47a399990a71e43c5d2a:144816'],
  [40, utf16(md5('salt', 'password')), 'd63d0e21fdc05f618d55ef306c54af82:13288442151473'],
  [50, keyed(md5('salt'), 'password'), 'fc741db0a2968c39d9c2a5cc75b05370:1234'],
  [60, keyed(md5('password'), 'salt'), 'bfd280436f45fa38eaacac3b00518f29:1234'],
  [70, utf16(md5('password')), '2303b15bfa48c74a74758135a0df1201'],
  [110, sha1('password', 'salt'), '2fc5a684737ce1bf7b3b239df432416e0dd07357:2014'],
  [120, sha1('salt', 'password'), 'cac35ec206d868b7d7cb0b55f31d9425b075082b:5363620024'],
  [130, utf16(sha1('password', 'salt')), 'c57f6ac1b71f45a07dbd91a59fa47c23abcd87c2:631225'],
  [140, utf16(sha1('salt', 'password')), '5db61e4cd8776c7969cfd62456da639a4c87683a:8763434884872'],
  [150, keyed(sha1('salt'), 'password'), 'c898896f3f70f61bc3fb19bef222aa860e5ea717:1234'],
  [160, keyed(sha1('password'), 'salt'), 'd89c92b4400b15c39e462a8caa939ab40c3aeeea:1234'],
  [1410, sha256('password', 'salt'), 'c73d08de890479518ed60cf670d17faa26a4a71f995c1dcc978165399401a6c4:53743528'],
  [1420, sha256('salt', 'password'), 'eb368a2dfd38b405f014118c7d9747fcc97f4f0ee75c05963cd9da6ee65ef498:560407001617'],
  [
    1440,
    utf16(sha256('salt', 'password')),
    'a4bd99e1e0aba51814e81388badb23ecc560312c4324b2018ea76393ea1caca9:12345678',
  ],
  [1450, keyed(sha256('salt'), 'password'), 'abaf88d66bf2334a4a8b207cc61a96fb46c3e38e882e6f6f886742f688b8588c:1234'],
  [1460, keyed(sha256('password'), 'salt'), '8efbef4cec28f228fa948daaf4893ac3638fbae81358ff9020be1d7a9a509fc6:1234'],
  [
    1710,
    sha512('password', 'salt'),
    'e5c3ede3e49fb86592fb03f471c35ba13e8d89b8ab65142c9a8fdafb635fa2223c24e5558fd9313e8995019dcbec1fb584146b7bb12685c7765fc8c0d51379fd:6352283260',
  ],
  [
    1720,
    sha512('salt', 'password'),
    '976b451818634a1e2acba682da3fd6efa72adf8a7a08d7939550c244b237c72c7d42367544e826c0c83fe5c02f97c0373b6b1386cc794bf0d21d2df01bb9c08a:2613516180127',
  ],
  [
    1750,
    keyed(sha512('salt'), 'password'),
    '94cb9e31137913665dbea7b058e10be5f050cc356062a2c9679ed0ad6119648e7be620e9d4e1199220cd02b9efb2b1c78234fa1000c728f82bf9f14ed82c1976:1234',
  ],
  [
    1760,
    keyed(sha512('password'), 'salt'),
    '7cce966f5503e292a51381f238d071971ad5442488f340f98e379b3aeae2f33778e3e732fcc2f7bdc04f3d460eebf6f8cb77da32df25500c09160dd3bf7d2a6b:1234',
  ],
  [2600, md5({ nested: md5('password') }), 'a936af92b0ae20b1ff6c3347a72e5fbe'],
  [3710, md5('salt', { nested: md5('password') }), '95248989ec91f6d0439dbde2bd0140be:1234'],
  [3800, md5('salt', 'password', 'salt'), '2e45c4b99396c6cb2db8bda0d3df669f:1234'],
  [3910, md5({ nested: md5('password') }, { nested: md5('salt') }), '250920b3a5e31318806a032a4674df7e:1234'],
  [4010, md5('salt', { nested: md5('salt', 'password') }), '30d0cf4a5d7ed831084c5b8b0ba75b46:1234'],
  [4110, md5('salt', { nested: md5('password', 'salt') }), 'b4cb5c551a30f6c25d648560408df68a:1234'],
  [4300, md5({ nested: { ...md5('password'), encoding: 'HEX' } }), 'b8c385461bb9f9d733d3af832cf60b27'],
  [4400, md5({ nested: sha1('password') }), '288496df99b33f8f75a7ce4837d1b480'],
  [4500, sha1({ nested: sha1('password') }), '3db9184f5da4e463832b086211af8d2314919951'],
  [
    4520,
    sha1('salt', { nested: sha1('password') }),
    'a0f835fdf57d36ebd8d0399cc44e6c2b86a1072b:511358214352751667201107073531735211566650747315',
  ],
  [4700, sha1({ nested: md5('password') }), '92d85978d884eb1d99a51652b1139c8279fa8663'],
  [4900, sha1('salt', 'password', 'salt'), '85087a691a55cbb41ae335d459a9121d54080b80:488387841'],
]
