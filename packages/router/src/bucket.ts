import { murmur3 } from './murmur3.ts'

export { murmur3 } from './murmur3.ts'

/** What is hashed with every key. Another migration, unit or salt makes another cohort, independent of this one. */
export interface BucketScope {
  readonly migration: string
  /** What a key names: `'user'`, `'tenant'`. */
  readonly unit: string
  /** Makes another cohort of the same migration. @default '' */
  readonly salt?: string
}

/** The seed that a scope gives its hash. */
export function seedOf({ migration, unit, salt = '' }: BucketScope): number {
  // JSON keeps the parts apart: no name can be written so that it runs into the next.
  return murmur3(JSON.stringify([migration, unit, salt]))
}

/** The bucket of a key, from 0 to 2^32 - 1: the same in every process, on every machine, for ever. */
export function bucket(key: string, scope: BucketScope): number {
  return murmur3(key, seedOf(scope))
}
