import type { Database } from './database.ts'
import { untilFree } from './transact.ts'

const PATIENCE_MS = 5_000

type Method = (...args: unknown[]) => Promise<unknown>

/**
 * Methods, and objects of methods, that wait while another process writes to an SQLite file, without holding up this one. Elsewhere, and inside a
 * transaction, they are left as they are.
 */
export function patient<Methods extends object>(database: Database, methods: Methods): Methods {
  if (database.dialect.engine !== 'sqlite') return methods
  const wrapped = Object.entries(methods).map(([name, member]: [string, Method | object]) => {
    if (typeof member !== 'function') return [name, patient(database, member)]
    const method = member as Method
    return [
      name,
      (...args: unknown[]) =>
        args.some(isTransactional) ? method(...args) : untilFree(database, PATIENCE_MS, () => method(...args)),
    ]
  })
  return Object.fromEntries(wrapped) as Methods
}

function isTransactional(argument: unknown): boolean {
  return (argument as { readonly transaction?: unknown } | null | undefined)?.transaction !== undefined
}
