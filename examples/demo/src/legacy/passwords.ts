import bcrypt from 'bcrypt'
import { PASSWORDS, passwordOf } from '../domain/members.ts'

/** Years of changing settings: cost and the prefix of the program that wrote the hash. */
const COSTS = [4, 4, 4, 5, 4, 6, 4, 8, 4, 5] as const
const PREFIXES = ['$2b$', '$2a$', '$2y$'] as const

/** The bcrypt hash of each password. All three prefixes name the same algorithm for passwords such as these. */
export function hashPasswords(): Promise<readonly string[]> {
  return Promise.all(
    Array.from({ length: PASSWORDS }, async (_, index) => {
      const hash = await bcrypt.hash(passwordOf(index), COSTS[index % COSTS.length]!)
      return `${PREFIXES[index % PREFIXES.length]}${hash.slice(4)}`
    }),
  )
}
