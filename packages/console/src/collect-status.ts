import type { AuditEntry, JournalStats, Lease, Migration, Phase, SideName } from '@twinspan/core'
import { PHASES } from '@twinspan/core'
import { clipText } from './clip.ts'
import { type EntityStatus, entityStatus } from './entity-status.ts'
import { type FindingGroup, groupFindings } from './findings.ts'
import { type Asker, createAsker, type Part } from './part.ts'
import { clipPlan, type PlanLike } from './plan.ts'
import type { Observed, Recorder } from './recorder.ts'
import { type Counted, countedByGuards, type RolloutStatus, rolloutStatus } from './rollout-status.ts'

/** Everything that the console shows. Names, figures and reasons: never a key and never a value of a record. */
export interface ConsoleStatus {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly migration: string
  readonly instance: string
  readonly road: readonly Phase[]
  /** Where this process believes the migration is. */
  readonly position: Part<Position>
  readonly sides: Readonly<Record<SideName, SideStatus>>
  /** What stands between here and the next step; `null` when the application gave no `plan`. */
  readonly plan: Part<PlanLike> | null
  readonly rollout: Part<RolloutStatus | null>
  /** What the guards of all processes have counted; `null` when none has. */
  readonly counted: Part<Counted | null>
  readonly entities: readonly Part<EntityStatus>[]
  readonly findings: Part<FindingStatus>
  readonly processes: Part<readonly Lease[]>
  /** Newest first. */
  readonly audit: Part<readonly Omit<AuditEntry, 'evidence'>[]>
  /** What this process saw by itself; `null` without a recorder. */
  readonly observed: Observed | null
}

export interface Position {
  readonly phase: Phase
  readonly epoch: number
  readonly primary: SideName
  readonly mirrorsTo: SideName | null
  readonly switching: boolean
  readonly stale: boolean
}

export interface SideStatus {
  readonly engine: string
  readonly capture: string
  readonly journal: Part<JournalStats>
  /** The fence row; `null` before the first phase. */
  readonly fence: Part<FenceStatus | null>
}

export interface FenceStatus {
  readonly epoch: number
  readonly phase: Phase
  readonly primary: SideName
  readonly open: boolean
  /** Where a switch that is under way leads. */
  readonly pendingTo: Phase | null
}

export interface FindingStatus {
  readonly groups: readonly FindingGroup[]
  /** How many were looked at. */
  readonly looked: number
  /** Whether there are more than were looked at. */
  readonly more: boolean
}

export interface CollectOptions {
  /** How long one part may take before it is told as "does not answer". @default 2_000 */
  readonly timeoutMs?: number
  /** What stands in the way of the next step. */
  readonly plan?: (() => Promise<PlanLike>) | undefined
  readonly recorder?: Recorder | undefined
  /** Shared by collections that follow each other, so that a side that hangs is asked once and not every time. */
  readonly asker?: Asker
}

const MOST_FINDINGS = 1_000
const MOST_GROUPS = 50
const MOST_AUDIT = 50
const MOST_PROCESSES = 200

/** Asks both sides and the store for everything at once. Never rejects: what does not answer is told as that. */
export async function collectStatus(migration: Migration, options: CollectOptions = {}): Promise<ConsoleStatus> {
  const { plan, recorder, timeoutMs = 2_000 } = options
  const { ask } = options.asker ?? createAsker(timeoutMs)
  const { store, entities } = migration
  const before = recorder?.observed()
  const [position, legacy, target, planned, rollout, counted, entityParts, findings, processes, audit] =
    await Promise.all([
      ask('position', async () => positionOf(migration)),
      sideStatus(migration, 'legacy', ask),
      sideStatus(migration, 'target', ask),
      plan === undefined ? null : ask('plan', async () => clipPlan(await plan())),
      ask('rollout', () => rolloutStatus(store, migration.snapshot)),
      ask('counted', () => countedByGuards(store)),
      Promise.all(
        entities.map((entity) => ask(`entity ${entity.name}`, () => entityStatus(migration, entity, before))),
      ),
      ask('findings', () => findingStatus(migration)),
      ask('processes', async () => (await store.leases()).slice(0, MOST_PROCESSES).map(clipLease)),
      ask('audit', async () => (await store.readAudit({ limit: MOST_AUDIT })).map(clipAudit)),
    ])
  const sides = { legacy, target }
  const journal = position.ok ? sides[position.value.primary].journal : undefined
  if (journal?.ok) recorder?.journal(journal.value.depth)
  return {
    at: migration.now(),
    migration: migration.name,
    instance: clipText(migration.instance),
    road: PHASES,
    position,
    sides,
    plan: planned,
    rollout,
    counted,
    entities: entityParts,
    findings,
    processes,
    audit,
    observed: recorder?.observed() ?? null,
  }
}

function positionOf({ snapshot }: Migration): Position {
  const { phase, epoch, switching, stale, plan } = snapshot
  return { phase, epoch, primary: plan.primary, mirrorsTo: plan.mirrorsTo, switching, stale }
}

async function sideStatus(migration: Migration, name: SideName, ask: Asker['ask']): Promise<SideStatus> {
  const side = migration.sides[name]
  const [journal, fence] = await Promise.all([
    ask(`journal of ${name}`, () => side.journal.stats()),
    ask(`fence of ${name}`, async (): Promise<FenceStatus | null> => {
      const row = (await side.fence.read())?.row
      if (row === undefined) return null
      const { epoch, phase, primary, open, pending } = row
      return { epoch, phase, primary, open, pendingTo: pending?.to ?? null }
    }),
  ])
  return { engine: clipText(side.engine), capture: migration.capture[name], journal, fence }
}

async function findingStatus({ store }: Migration): Promise<FindingStatus> {
  const found = await store.findings({ limit: MOST_FINDINGS + 1 })
  const looked = found.slice(0, MOST_FINDINGS)
  return {
    groups: groupFindings(looked).slice(0, MOST_GROUPS),
    looked: looked.length,
    more: found.length > MOST_FINDINGS,
  }
}

function clipLease({ instance, epoch, phase, host, pid, version }: Lease): Lease {
  return { instance: clipText(instance), epoch, phase, host: clipText(host), pid, version: clipText(version) }
}

// Evidence stays where it is: an application may have put anything into it.
function clipAudit({ at, epoch, action, from, to, actor, reason }: AuditEntry): Omit<AuditEntry, 'evidence'> {
  return {
    at,
    epoch,
    action: clipText(action),
    from: clipText(from),
    to: clipText(to),
    actor: clipText(actor),
    reason: clipText(reason),
  }
}
