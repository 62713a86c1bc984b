import {
  describeHeldBack,
  type Entity,
  type Migration,
  type MigrationStore,
  readBackfillRecord,
  readSweepRecord,
  readThrottleNote,
  type SideName,
  type Snapshot,
  within,
} from '@twinspan/core'
import { clipText } from './clip.ts'
import type { Observed } from './recorder.ts'

export interface EntityStatus {
  readonly entity: string
  readonly backfill: BackfillStatus | null
  readonly sweep: SweepStatus | null
}

export interface BackfillStatus {
  /** Whether it belongs to this attempt at the migration; one of another counts for nothing. */
  readonly counts: boolean
  readonly done: boolean
  readonly rows: number
  readonly inserted: number
  readonly quarantined: number
  /** How many rows legacy has; `null` where it does not say. */
  readonly totalRows: number | null
  /** Milliseconds until the last row; `null` where nobody can tell. */
  readonly etaMs: number | null
  /** Rows per second since the beginning. */
  readonly rate: number | null
  readonly updatedAt: number
  /** What holds a worker back that is at work, in words; `null`: nothing. */
  readonly heldBackBy: string | null
}

export interface SweepStatus {
  readonly counts: boolean
  readonly primary: SideName
  readonly finishedAt: number
  readonly rows: number
  readonly drift: number
  readonly undecided: number
  readonly repaired: number
  readonly parity: number
  /** What parity is at least. */
  readonly lowerBound: number
  readonly patterns: readonly { readonly field: string | null; readonly reason: string; readonly keys: number }[]
}

/** How far the history and the comparison of an entity are, by the records in the store. */
export async function entityStatus(
  migration: Migration,
  entity: Entity,
  observed: Observed | undefined,
): Promise<EntityStatus> {
  const { store, snapshot } = migration
  const [backfill, sweep] = await Promise.all([
    backfillStatus(migration, entity, observed),
    sweepStatus(store, entity.name, snapshot),
  ])
  return { entity: clipText(entity.name), backfill, sweep }
}

async function backfillStatus(
  migration: Migration,
  entity: Entity,
  observed: Observed | undefined,
): Promise<BackfillStatus | null> {
  const record = (await readBackfillRecord(migration.store, entity.name))?.record
  if (record === undefined) return null
  const { done, rows, inserted, quarantined, startedAt, updatedAt } = record
  const held = done ? undefined : await readThrottleNote(migration.store, entity.name, migration.now())
  const heard = observed?.backfill[entity.name]
  const totalRows = done ? rows : (heard?.totalRows ?? (await countRows(migration, entity)))
  const rate = updatedAt > startedAt ? (rows / (updatedAt - startedAt)) * 1_000 : null
  return {
    counts: record.incarnation === migration.snapshot.incarnation,
    done,
    rows,
    inserted,
    quarantined,
    totalRows: totalRows === null ? null : Math.max(totalRows, rows),
    etaMs: done ? 0 : (heard?.etaMs ?? etaOf(totalRows, rows, rate)),
    rate,
    updatedAt,
    heldBackBy: held === undefined ? null : clipText(describeHeldBack(held)),
  }
}

function etaOf(totalRows: number | null, rows: number, rate: number | null): number | null {
  return totalRows === null || rate === null || rate === 0 ? null : (Math.max(0, totalRows - rows) / rate) * 1_000
}

const COUNT_LASTS_MS = 60_000
const COUNT_TIMEOUT_MS = 1_000
const counts = new WeakMap<Entity, { readonly at: number; readonly rows: Promise<number | null> }>()

/** How many rows legacy has, asked at most once a minute: several people may watch. `null` where it does not say. */
function countRows({ now }: Migration, entity: Entity): Promise<number | null> {
  const known = counts.get(entity)
  if (known !== undefined && now() - known.at < COUNT_LASTS_MS) return known.rows
  const rows = within(
    COUNT_TIMEOUT_MS,
    `The count of ${entity.name}`,
    async () => (await entity.legacy.count?.())?.rows ?? null,
  ).catch(() => null)
  counts.set(entity, { at: now(), rows })
  return rows
}

async function sweepStatus(
  store: MigrationStore,
  entity: string,
  { incarnation }: Snapshot,
): Promise<SweepStatus | null> {
  const record = await readSweepRecord(store, entity)
  if (record === undefined) return null
  const { primary, finishedAt, rows, drift, undecided, repaired, parity, lowerBound95, patterns = [] } = record
  return {
    counts: record.incarnation === incarnation,
    primary,
    finishedAt,
    rows,
    drift,
    undecided,
    repaired,
    parity,
    lowerBound: lowerBound95,
    patterns: patterns.slice(0, 10).map(({ field, reason, keys }) => ({
      field: field === null ? null : clipText(field),
      reason: clipText(reason),
      keys,
    })),
  }
}
