import type { Scope } from '../dialect.ts'

/** The first half of the advisory locks that stand for fences; the second is a hash of migration and side. */
export const FENCE_LOCKS = 0x7477696e

/** FNV-1a, as a signed 32-bit integer. Two scopes of one hash wait for each other at a switch, and nothing else. */
export function fenceLock({ migration, side }: Scope): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(`${side}:${migration}`)) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash | 0
}
