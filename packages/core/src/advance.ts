import { captured, probeTranslation, refuseForeignRows } from './checks.ts'
import { definitionIn, newIncarnation } from './definition.ts'
import { verdictOn } from './doctor.ts'
import { InvalidOptionError, PhaseRefusedError, UnavailableError } from './errors.ts'
import type { AdvanceOptions, Migration, Snapshot } from './migration.ts'
import { textOption } from './options.ts'
import { isPhase, PHASES, type Phase, PLANS, stepsBetween } from './phases.ts'
import type { FenceRow } from './side.ts'
import type { AuditEntry } from './state-store.ts'
import { within } from './time.ts'

const STORE_MS = 2_000

/** The document that says which attempt the rows of the target belong to. */
export const TARGET_OWNER = 'target-owner'

export interface AdvanceContext {
  readonly migration: Migration
  readonly acknowledgeMs: number
  /** How long the writers in flight may be waited for. */
  readonly lockTimeoutMs: number
}

/**
 * One step along the legacy-primary part of the road. What the new phase relies on is made ready before the decision; the
 * decision is one compare-and-set on legacy's fence row.
 */
export async function advance(context: AdvanceContext, options: AdvanceOptions): Promise<Snapshot> {
  const { migration } = context
  const { to } = options
  if (!isPhase(to)) throw new InvalidOptionError('to', to, `one of ${PHASES.join(', ')}`)
  textOption('actor', options.actor)
  textOption('reason', options.reason)

  const now = await migration.refresh()
  if (now.phase === to) return now
  const refuse = (why: string): PhaseRefusedError => new PhaseRefusedError(migration.name, now.phase, to, why)
  if (PLANS[now.phase].primary !== 'legacy' || PLANS[to].primary !== 'legacy') {
    throw refuse(
      `from ${now.phase} to ${to} the primary changes, and that is the cutover's: use createCutover(migration)`,
    )
  }
  const steps = stepsBetween(now.phase, to)
  if (Math.abs(steps) !== 1) throw refuse(`${to} is not next to it; only neighbouring phases may be alive at once`)

  // A step back is safe beside processes one phase ahead, except into `off`, where a process that has not heard would
  // go on mirroring writes that nobody captures.
  if (steps > 0 || to === 'off') await acknowledged(context, now, refuse, options.acknowledgeMs)
  // A way back is needed when something is wrong already: no finding stands in it.
  const risks = steps > 0 ? await weigh(context, to, refuse) : []
  await PREPARATIONS[to]?.(context, options, now)
  await decide(context, now, options, refuse, risks)
  const after = await migration.refresh()
  if (to === 'off') {
    if (migration.capture.legacy === 'trigger') {
      await migration.sides.legacy.capture.uninstall(captured(migration.entities, 'legacy'))
    }
    // A switch that was prepared left triggers there too. A target that does not answer holds nobody up.
    const { capture } = migration.sides.target
    const target = captured(migration.entities, 'target')
    if (migration.capture.target === 'trigger') {
      await within(context.lockTimeoutMs, 'the triggers of target', () => capture.uninstall(target)).catch(() => {})
    }
  }
  return after
}

/** Refuses what the doctor holds to be unsafe. Returns the risks that were accepted, for the audit. */
async function weigh(
  { migration }: AdvanceContext,
  to: Phase,
  refuse: (why: string) => PhaseRefusedError,
): Promise<readonly string[]> {
  const { refusing, accepted } = verdictOn(to, await migration.doctor(), migration.acceptRisks)
  if (refusing.length === 0) return [...new Set(accepted.map(({ side, name }) => `${name} on ${side}`))]
  const why = refusing.map(({ side, name, detail }) => `${name} on ${side}: ${detail}`).join('; ')
  throw refuse(`the doctor holds ${to} to be unsafe (${why}); mend it, or name it in acceptRisks`)
}

/** What has to stand before a phase begins. */
const PREPARATIONS: Partial<
  Readonly<Record<Phase, (context: AdvanceContext, options: AdvanceOptions, now: Snapshot) => Promise<void>>>
> = {
  async capture({ migration }) {
    if (migration.capture.legacy === 'trigger') {
      await migration.sides.legacy.capture.install(captured(migration.entities, 'legacy'))
    }
  },
  async 'dual-write'({ migration }, { adoptTarget = false }, now) {
    for (const entity of migration.entities) await probeTranslation(entity, 'legacy')
    const owner = await migration.store.getDocument(TARGET_OWNER)
    if (owner?.value === now.incarnation) return
    if (!adoptTarget) await refuseForeignRows(migration.name, migration.entities)
    await migration.store.putDocument(TARGET_OWNER, now.incarnation)
  },
}

/** Waits until every process that is alive works by the current epoch. */
async function acknowledged(
  context: AdvanceContext,
  now: Snapshot,
  refuse: (why: string) => PhaseRefusedError,
  acknowledgeMs: number = context.acknowledgeMs,
): Promise<void> {
  const { migration } = context
  const deadline = migration.now() + acknowledgeMs
  for (;;) {
    const leases = await migration.store.leases().catch((error: unknown) => {
      throw new UnavailableError(
        `The state store of "${migration.name}" does not answer, so nobody knows which processes are alive. Nothing was changed.`,
        { cause: error },
      )
    })
    const behind = leases.filter((lease) => lease.epoch < now.epoch && lease.instance !== migration.instance)
    if (behind.length === 0) return
    if (migration.now() >= deadline) {
      const who = behind.map((lease) => `${lease.host}/${lease.pid} at epoch ${lease.epoch}`).join(', ')
      throw refuse(`${behind.length} live processes have not seen epoch ${now.epoch} yet: ${who}`)
    }
    await migration.sleep(Math.min(100, acknowledgeMs))
  }
}

async function decide(
  { migration, lockTimeoutMs }: AdvanceContext,
  now: Snapshot,
  options: AdvanceOptions,
  refuse: (why: string) => PhaseRefusedError,
  risks: readonly string[],
): Promise<void> {
  const { fence } = migration.sides.legacy
  const found = await fence.read()
  if (found === undefined || found.row.epoch !== now.epoch || !found.row.open) {
    throw refuse('another process is changing it at this moment')
  }
  const entry: AuditEntry = {
    at: migration.now(),
    epoch: now.epoch + 1,
    action: 'phase',
    from: now.phase,
    to: options.to,
    actor: options.actor,
    reason: audited(options, risks),
    ...(options.evidence === undefined ? {} : { evidence: options.evidence }),
  }
  const decided = await fence.change(found.row.revision, await nextRow(migration, found.row, entry, options.to), {
    lockTimeoutMs,
  })
  if (!decided) throw refuse('another process changed it first')
}

function audited({ reason, adoptTarget }: AdvanceOptions, risks: readonly string[]): string {
  const notes = [
    ...(adoptTarget ? ["the target's rows were adopted"] : []),
    ...(risks.length > 0 ? [`risks accepted: ${risks.join(', ')}`] : []),
  ]
  return notes.length === 0 ? reason : `${reason} (${notes.join('; ')})`
}

/** The fence row after a decision taken on `row`. Audit entries that the store has not recorded yet are carried along. */
export async function nextRow(
  migration: Migration,
  row: FenceRow,
  entry: AuditEntry,
  to: Phase,
): Promise<Omit<FenceRow, 'revision'>> {
  // A store that hangs must not hold up the way back.
  const recorded = await within(STORE_MS, 'the state store', () => migration.store.readState()).catch(() => undefined)
  return {
    // Whoever comes back from `off` begins anew: what was copied before is nobody's.
    incarnation: to === 'off' ? newIncarnation(definitionIn(row.incarnation)) : row.incarnation,
    epoch: entry.epoch,
    phase: to,
    primary: PLANS[to].primary,
    open: true,
    pending: null,
    unrecorded: [...row.unrecorded.filter((earlier) => earlier.epoch > (recorded?.epoch ?? 0)), entry],
  }
}
