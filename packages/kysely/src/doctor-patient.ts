import { phasesThatWrite, type SideFinding } from '@twinspan/core'
import type { CapturedTable } from './captured-tables.ts'
import type { Database } from './database.ts'
import type { Scope } from './dialect.ts'

/** What an engine's part of the doctor goes by. */
export interface Patient {
  readonly database: Database
  readonly scope: Scope
  /** Whether Twinspan's own tables are there already: nobody needs the right to make them again. */
  readonly prepared: boolean
  /** The tables on whose triggers capture relies: none where it does without. */
  readonly captured: readonly (CapturedTable & { readonly entity: string })[]
  /** Those of them on which triggers have yet to be made. */
  readonly untriggered: readonly { readonly schema: string | undefined; readonly name: string }[]
}

/** The database takes no writes from us, whoever is right about it. */
export function unwritable({ side }: Scope, name: 'replica' | 'read-only', detail: string): SideFinding {
  return { name, severity: 'refuse', detail, refuses: phasesThatWrite(side) }
}
