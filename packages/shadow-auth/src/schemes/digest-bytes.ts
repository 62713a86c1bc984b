/** How many bytes a digest has. */
export const DIGEST_BYTES = { md5: 16, sha1: 20, sha224: 28, sha256: 32, sha384: 48, sha512: 64 } as const

export type DigestName = keyof typeof DIGEST_BYTES

export function isDigestName(name: string): name is DigestName {
  return Object.hasOwn(DIGEST_BYTES, name)
}
