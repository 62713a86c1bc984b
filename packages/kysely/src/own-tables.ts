import type { SideName } from '@twinspan/core'
import type { Generated } from 'kysely'

/**
 * What Twinspan keeps in a database. Times are milliseconds since 1970 by the database's clock, flags are 0 or 1, JSON is
 * text: what every engine and driver hands out in a form that `Number` and `JSON.parse` understand.
 */
export interface OwnTables {
  readonly twinspan_journal: JournalTable
  readonly twinspan_fence: FenceTable
  readonly twinspan_stripe: StripeTable
  readonly twinspan_copying: CopyingTable
  readonly twinspan_intent: IntentTable
  readonly twinspan_version: VersionTable
  readonly twinspan_watch: WatchTable
  readonly twinspan_change: ChangeTable
  readonly twinspan_state: StateTable
  readonly twinspan_audit: AuditTable
  readonly twinspan_lease: LeaseTable
  readonly twinspan_document: DocumentTable
  readonly twinspan_claim: ClaimTable
  readonly twinspan_finding: FindingTable
}

export type OwnTable = keyof OwnTables

/** A 64-bit integer, as drivers disagree about it. */
export type Int64 = number | bigint | string

interface JournalTable {
  id: Generated<Int64>
  migration: string
  side: SideName
  entity: string
  key_text: string
  attempts: number
  due_at: Int64
  parked: number
  error: string | null
  marked_at: Int64
}

interface FenceTable {
  migration: string
  side: SideName
  revision: Int64
  incarnation: string
  epoch: Int64
  phase: string
  primary_side: SideName
  open: number
  pending: string | null
  unrecorded: string
}

interface StripeTable {
  migration: string
  side: SideName
  stripe: number
}

/** Where there are no transaction-local settings: the row says, inside its own transaction, that the transaction copies. */
interface CopyingTable {
  migration: string
  connection: Int64
}

/** Calls in flight: a row for each key of a call, or one that is not `known` yet. */
interface IntentTable {
  migration: string
  side: SideName
  call_id: string
  place: number
  entity: string
  key_text: string
  known: number
  quarantined: number
  held_until: Int64
  begun_at: Int64
}

/** The last version that was drawn for a stripe. */
interface VersionTable {
  migration: string
  side: SideName
  stripe: number
  version: Int64
}

/** The entities whose changes are remembered. */
interface WatchTable {
  migration: string
  side: SideName
  entity: string
}

/** The keys of journal rows that were removed, each with the last one's id. */
interface ChangeTable {
  migration: string
  side: SideName
  entity: string
  /** What stands for the key where a key of any length cannot be indexed. */
  key_hash: string
  key_text: string
  version: Int64
}

interface StateTable {
  migration: string
  incarnation: string
  phase: string
  epoch: Int64
  definition: string
}

interface AuditTable {
  id: Generated<Int64>
  migration: string
  at: Int64
  epoch: Int64
  action: string
  from_value: string
  to_value: string
  actor: string
  reason: string
  evidence: string | null
}

interface LeaseTable {
  migration: string
  instance: string
  epoch: Int64
  phase: string
  host: string
  pid: Int64
  version: string
  expires_at: Int64
}

interface DocumentTable {
  migration: string
  name: string
  value: string
  version: Int64
}

interface ClaimTable {
  migration: string
  name: string
  owner: string
  token: Int64
  expires_at: Int64
}

interface FindingTable {
  migration: string
  kind: string
  entity: string
  subject: string
  detail: string
  at: Int64
}
