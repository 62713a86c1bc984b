import type { ArchivedColumn } from './manifest.ts'

/** Notes which columns the rows have and what kinds of values stand in them. */
export function createColumns(): { note(row: object): void; list(): readonly ArchivedColumn[] } {
  const kinds = new Map<string, Set<string>>()
  return {
    note(row) {
      for (const [name, value] of Object.entries(row)) {
        const known = kinds.get(name)
        if (known === undefined) kinds.set(name, new Set([kindOf(value)]))
        else known.add(kindOf(value))
      }
    },
    list: () => [...kinds].map(([name, met]) => ({ name, kinds: [...met].sort() })),
  }
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (value instanceof Date) return 'date'
  if (value instanceof Uint8Array) return 'bytes'
  return Array.isArray(value) ? 'array' : typeof value
}
