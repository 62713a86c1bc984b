import type { Key } from '../../key.ts'
import type { FenceRow } from '../../side.ts'
import { createLocks, type Locks } from './locks.ts'

export type MemoryRow = Readonly<Record<string, unknown>>

export interface MemoryTableData {
  rows: Map<string, MemoryRow>
  readonly key: readonly string[]
  readonly unique: readonly (readonly string[])[]
  next: bigint
}

export interface MemoryJournalRow {
  readonly id: number
  readonly entity: string
  readonly key: string
  readonly markedAt: number
  attempts: number
  dueAt: number
  parked: boolean
  error: string
}

export interface MemoryIntent {
  readonly entity: string
  readonly keys: readonly string[]
  readonly begunAt: number
  heldUntil: number
  quarantined: boolean
}

/** Who captures a table: the journal that its writes go to, under which entity's name. */
export interface MemoryTrigger {
  readonly scope: string
  readonly side: 'legacy' | 'target'
  readonly entity: string
}

/** A database that lives in this process. Several "processes" of a test connect to one, each with a side of its own. */
export interface MemoryDatabase {
  readonly tables: Map<string, MemoryTableData>
  readonly journals: Map<string, Map<number, MemoryJournalRow>>
  /** By scope and entity, the keys of removed rows with the id of the last one. */
  readonly changes: Map<string, Map<string, number>>
  readonly intents: Map<string, Map<string, MemoryIntent>>
  readonly fences: Map<string, FenceRow>
  readonly triggers: Map<string, MemoryTrigger[]>
  readonly frozen: Set<string>
  readonly locks: Locks
  readonly now: () => number
  /** For documents, leases and the rest of the state store. */
  readonly state: Map<string, unknown>
  denied: number
  nextId(): number
}

export function createMemoryDatabase(options: { readonly now?: () => number } = {}): MemoryDatabase {
  let id = 0
  return {
    tables: new Map(),
    journals: new Map(),
    changes: new Map(),
    intents: new Map(),
    fences: new Map(),
    triggers: new Map(),
    frozen: new Set(),
    locks: createLocks(),
    now: options.now ?? Date.now,
    state: new Map(),
    denied: 0,
    nextId: () => ++id,
  }
}

/** The order of keys: numbers as numbers, text by its UTF-8 bytes, tuples part by part. */
export function compareKeys(a: Key, b: Key): number {
  const left = Array.isArray(a) ? a : [a]
  const right = Array.isArray(b) ? b : [b]
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const order = compareParts(left[index], right[index])
    if (order !== 0) return order
  }
  return left.length - right.length
}

function compareParts(a: unknown, b: unknown): number {
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b))
  const left = BigInt(a as string)
  const right = BigInt(b as string)
  return left < right ? -1 : left > right ? 1 : 0
}
