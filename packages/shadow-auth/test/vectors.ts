import { readFileSync } from 'node:fs'

/** A password and a hash of it, made by somebody else. */
export interface Vector {
  readonly source: string
  readonly scheme: string
  readonly text?: string
  /** Where the password is no text. */
  readonly base64?: string
  readonly hash: string
  readonly params?: Readonly<Record<string, string>>
}

interface Passlib {
  readonly source: string
  readonly correct: readonly Omit<Vector, 'source'>[]
  readonly malformed: readonly { readonly hash: string }[]
}

const passlib = read('passlib.json') as Passlib

export const MALFORMED: readonly string[] = passlib.malformed.map(({ hash }) => hash)

/** Carried over from test suites, and made with other implementations: the source of each says which. */
export const VECTORS: readonly Vector[] = [
  ...passlib.correct.map((vector) => ({ ...vector, source: passlib.source })),
  ...(read('published.json') as Vector[]),
  ...(read('generated.json') as Vector[]),
]

export function passwordOf({ text, base64 }: Vector): Buffer {
  return base64 === undefined ? Buffer.from(text ?? '') : Buffer.from(base64, 'base64')
}

function read(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`vectors/${name}`, import.meta.url), 'utf8'))
}
