import type { Database } from './database.ts'
import { untilFree } from './transact.ts'

const PATIENCE_MS = 5_000

/**
 * Methods that wait while another process writes to an SQLite file, without holding up this one. Elsewhere, and inside a
 * transaction, they are left as they are.
 */
export function patient<Methods extends object>(database: Database, methods: Methods): Methods {
  if (database.dialect.engine !== 'sqlite') return methods
  const wrapped = Object.entries(methods).map(([name, method]: [string, (...args: unknown[]) => Promise<unknown>]) => [
    name,
    (...args: unknown[]) =>
      args.some(isTransactional) ? method(...args) : untilFree(database, PATIENCE_MS, () => method(...args)),
  ])
  return Object.fromEntries(wrapped) as Methods
}

function isTransactional(argument: unknown): boolean {
  return (argument as { readonly transaction?: unknown } | null | undefined)?.transaction !== undefined
}
