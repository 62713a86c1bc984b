import {
  type AuditEntry,
  type HeldBack,
  type JournalStats,
  type Lease,
  type Migration,
  type Phase,
  parseRollout,
  ROLLOUT_DOCUMENT,
  readBackfillRecord,
  readSweepRecord,
  readThrottleNote,
  redact,
  type SideName,
  type SweepRecord,
  stands,
  within,
} from '@twinspan/core'

/** Where a migration stands, as `status --json` writes it. What could not be read is `null`, and named in `unread`. */
export interface Status {
  readonly migration: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly phase: Phase
  readonly epoch: number
  readonly primary: SideName
  readonly mirrorsTo: SideName | null
  readonly engines: Readonly<Record<SideName, string>>
  readonly switching: boolean
  readonly stale: boolean
  /** Live processes but this one. */
  readonly processes: readonly Lease[] | null
  /** The primary's. */
  readonly journal: JournalStats | null
  readonly canary: {
    readonly percent: string
    readonly since: number
    readonly killed: { readonly at: number; readonly actor: string; readonly reason: string } | null
  } | null
  readonly entities: readonly EntityStatus[]
  readonly gates: GateSummary | null
  readonly lastChange: AuditEntry | null
  readonly unread: readonly string[]
}

export interface EntityStatus {
  readonly entity: string
  readonly backfill: {
    readonly done: boolean
    readonly rows: number
    readonly totalRows: number | null
    readonly quarantined: number
    /** What holds a worker back that is at work. */
    readonly throttle: HeldBack | null
  } | null
  readonly sweep: Pick<SweepRecord, 'finishedAt' | 'rows' | 'drift' | 'undecided' | 'repaired' | 'parity'> | null
}

export interface GateSummary {
  readonly to: Phase | 'drop'
  readonly open: number
  readonly of: number
  readonly closed: readonly string[]
}

const PATIENCE_MS = 3_000

/** Reads everything but the gates, each for a short time: one side that hangs does not hide the rest. */
export async function readStatus(migration: Migration): Promise<Omit<Status, 'gates'>> {
  const snapshot = await migration.refresh()
  const { store, sides, entities, name, now } = migration
  const unread: string[] = []
  async function read<T>(what: string, work: () => Promise<T>): Promise<T | null> {
    try {
      return await within(PATIENCE_MS, what, work)
    } catch (error) {
      unread.push(`${what}: ${redact(error)}`)
      return null
    }
  }
  const { phase, epoch, plan, switching, stale } = snapshot
  const [leases, journal, document, audit, about] = await Promise.all([
    read('processes', () => store.leases()),
    read('journal', () => sides[plan.primary].journal.stats()),
    read('canary', () => store.getDocument(ROLLOUT_DOCUMENT)),
    read('last change', () => store.readAudit({ limit: 1 })),
    Promise.all(entities.map((entity) => read(entity.name, () => readEntity(migration, entity)))),
  ])
  const rollout = parseRollout(document?.value)
  return {
    migration: name,
    at: now(),
    phase,
    epoch,
    primary: plan.primary,
    mirrorsTo: plan.mirrorsTo,
    engines: { legacy: sides.legacy.engine, target: sides.target.engine },
    switching,
    stale,
    processes: leases?.filter(({ instance }) => instance !== migration.instance) ?? null,
    journal,
    canary:
      rollout === undefined
        ? null
        : { percent: stands(rollout, snapshot) ? rollout.percent : '0', since: rollout.since, killed: killOf(rollout) },
    entities: about.map((found, at) => found ?? { entity: entities[at]?.name ?? '', backfill: null, sweep: null }),
    lastChange: audit?.[0] ?? null,
    unread,
  }
}

function killOf({ killed }: NonNullable<ReturnType<typeof parseRollout>>): NonNullable<Status['canary']>['killed'] {
  return killed === null ? null : { at: killed.at, actor: killed.actor, reason: killed.reason }
}

/** What an earlier attempt at the migration left behind counts for nothing. */
async function readEntity(migration: Migration, entity: Migration['entities'][number]): Promise<EntityStatus> {
  const { incarnation } = migration.snapshot
  const [backfilled, swept] = await Promise.all([
    readBackfillRecord(migration.store, entity.name),
    readSweepRecord(migration.store, entity.name),
  ])
  const record = backfilled?.record.incarnation === incarnation ? backfilled.record : undefined
  const isOpen = record !== undefined && !record.done
  const [counted, held] = isOpen
    ? await Promise.all([entity.legacy.count?.(), readThrottleNote(migration.store, entity.name, migration.now())])
    : []
  return {
    entity: entity.name,
    backfill:
      record === undefined
        ? null
        : {
            done: record.done,
            rows: record.rows,
            totalRows: record.done ? record.rows : (counted?.rows ?? null),
            quarantined: record.quarantined,
            throttle: held === undefined ? null : heldBackOf(held),
          },
    sweep: swept?.incarnation === incarnation ? sweepOf(swept) : null,
  }
}

function heldBackOf({ by, value, limit, why, forMs }: HeldBack): HeldBack {
  return { by, value, limit, why, forMs }
}

function sweepOf({ finishedAt, rows, drift, undecided, repaired, parity }: SweepRecord): EntityStatus['sweep'] {
  return { finishedAt, rows, drift, undecided, repaired, parity }
}
