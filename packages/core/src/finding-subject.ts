import { createHmac, randomBytes } from 'node:crypto'
import type { MigrationStore } from './state-store.ts'

const DOCUMENT = 'finding-key'

/** Names a key in a finding without telling it. */
export type FindingSubject = (entity: string, keyText: string) => string

/**
 * Makes the function that turns keys into the subjects of findings: the first 128 bits of an HMAC, so that the same key has
 * the same subject in every process, and nobody without the secret can try e-mail addresses against it.
 *
 * @param secret the HMAC's key; without one a random key is made once per migration and kept in its store
 */
export async function findingSubject(store: MigrationStore, secret?: string | Uint8Array): Promise<FindingSubject> {
  const hmacKey = secret ?? (await storedSecret(store))
  return (entity, keyText) => createHmac('sha256', hmacKey).update(`${entity}\n${keyText}`).digest('hex').slice(0, 32)
}

async function storedSecret(store: MigrationStore): Promise<Buffer> {
  const found = await store.getDocument(DOCUMENT)
  if (found !== undefined) return Buffer.from(found.value as string, 'hex')
  const made = randomBytes(32)
  if (await store.putDocument(DOCUMENT, made.toString('hex'), { expected: 0 })) return made
  // Another process was faster; its key is the one that everybody uses.
  const theirs = await store.getDocument(DOCUMENT)
  return theirs === undefined ? made : Buffer.from(theirs.value as string, 'hex')
}
