import { createHash } from 'node:crypto'
import type { CapturedTable } from './captured-tables.ts'
import type { TableFacts } from './catalog.ts'
import type { Scope } from './dialect.ts'

/** One trigger with everything that it needs, as SQL that could be run by hand. */
export interface Trigger {
  readonly name: string
  readonly create: readonly string[]
  readonly drop: readonly string[]
  /** What the catalog shows when the trigger is in place and unaltered. */
  readonly definition: string
}

/** Where triggers find what they need. */
export interface Surroundings {
  /** The schema of Twinspan's own tables. */
  readonly schema: string | undefined
  /** Whether a refused write can be counted: a count that a rollback does not take back. */
  readonly counts: boolean
}

export interface CaptureRequest extends CapturedTable {
  readonly scope: Scope
  readonly entity: string
  readonly surroundings: Surroundings
}

export interface FreezeRequest {
  readonly scope: Scope
  readonly facts: TableFacts
  readonly surroundings: Surroundings
}

/** What a trigger's refusal begins with; `isStalePhase` looks for it. */
export const STALE = 'twinspan: stale phase'
const FROZEN = 'twinspan: frozen'

/** A name of ours within every engine's limit: identifiers longer than 63 bytes would be cut and collide. */
export function triggerName(kind: string, scope: Scope, ...parts: readonly (string | undefined)[]): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([scope.migration, scope.side, ...parts]))
    .digest('hex')
  return `twinspan_${kind}_${hash.slice(0, 16)}`
}

/** What tells the triggers of two parts in one table apart; a table of an entity's own rows has one set. */
export function partName({ part, key }: CaptureRequest): readonly string[] {
  return part ? ['part', ...key] : []
}

/**
 * Whether a row may hold no key, because a column of it is NULL. Such a row belongs to no record, and marks none.
 */
export function mayLackKey({ facts, key }: CaptureRequest): boolean {
  return key.some((column) => !facts.primaryKey.includes(column))
}

/** A string literal. Names with backslashes are refused at `bind`, so that doubling quotes is all there is to do. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** What a refusal says. MySQL cuts messages at 128 characters. */
export function staleMessage({ migration, side }: Scope): string {
  return `${STALE}: ${side} does not take writes of migration ${migration}`.slice(0, 128)
}

export function frozenMessage({ migration }: Scope): string {
  return `${FROZEN}: out of service since migration ${migration}`.slice(0, 128)
}

/** White space does not count when two definitions are compared. */
export function normalize(definition: string): string {
  return definition.replaceAll(/\s+/g, ' ').trim()
}
