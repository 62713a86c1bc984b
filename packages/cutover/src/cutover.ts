import {
  InvalidOptionError,
  type Migration,
  numberOption,
  PHASES,
  type Phase,
  PhaseRefusedError,
  PLANS,
  stepsBetween,
  textOption,
} from '@twinspan/core'
import type { ArchiveOptions, ArchiveReport } from './archive/archive.ts'
import { archive } from './archive/archive.ts'
import { type VerifyOptions, type VerifyReport, verifyArchive } from './archive/verify.ts'
import type { Certificate } from './certificate/certificate.ts'
import { type CertificateOptions, certify } from './certificate/certify.ts'
import { type CutoverResult, drive } from './drive.ts'
import { CutoverBlockedError } from './errors.ts'
import { finish } from './finish.ts'
import { type Freezing, freeze, thaw } from './freeze.ts'
import { ask } from './gate.ts'
import { gatesOf } from './gates/table.ts'
import { MOVES, type Move } from './moves.ts'
import { type CutoverOptions, type Settings, settingsOf } from './options.ts'
import { type CutoverPlan, type PlanOptions, plan } from './plan.ts'

export interface AdvanceRequest {
  readonly to: 'target-primary' | 'complete'
  readonly actor: string
  readonly reason: string
  /**
   * The short road for small entities, from `capture` right to `target-primary`: writers are held back while everything is
   * copied, read back and compared, and then find the target. What takes longer than `maxWaitMs` is undone, and what is
   * expected to take longer is not begun.
   */
  readonly path?: 'fenced-copy'
  /**
   * With `path`: how long writers may be held back. Keep it, with `lockTimeoutMs`, below the migration's `switchWaitMs`.
   *
   * @default 2_000
   */
  readonly maxWaitMs?: number
}

export interface RollbackRequest {
  readonly actor: string
  readonly reason: string
  /** @default the phase before the current one */
  readonly to?: Phase
}

/** The switch of a migration, what follows it, and the way back. */
export interface Cutover {
  /**
   * What stands in the way, without changing anything: of the next step, or of the one that leads to `to`. `'drop'` asks
   * whether legacy may go.
   */
  plan(options?: PlanOptions): Promise<CutoverPlan>
  /**
   * Takes the next step when its gates are open. Asked again for the phase that is reached already, it finishes what a
   * process that died left behind.
   *
   * @throws CutoverBlockedError when a gate is closed: nothing was switched.
   * @throws CutoverAbortedError when a step failed before the decision: it was undone.
   * @throws PhaseRefusedError when another process changed the phase at the same moment.
   */
  advance(request: AdvanceRequest): Promise<CutoverResult>
  /**
   * Goes back, step by step, to `to`. Before the switch that is a plain change of phase; after it legacy becomes the primary
   * again, behind the same fence and with the same guarantees.
   *
   * @throws like `advance`
   */
  rollback(request: RollbackRequest): Promise<CutoverResult>
  /** Makes legacy refuse every write. `advance({ to: 'complete' })` does it; this mends it. Only in `complete`. */
  freeze(options?: Freezing): Promise<void>
  /** Lets legacy take writes of people and scripts again. Only in `complete`, and only while nothing relies on it being frozen. */
  thaw(options?: Freezing): Promise<void>
  /**
   * Writes what legacy holds into a directory: one compressed NDJSON file per entity and a manifest, read back before it
   * returns. Continues an archive that was interrupted.
   *
   * @throws ArchiveError
   */
  archive(options: ArchiveOptions): Promise<ArchiveReport>
  /** Reads an archive back, and with `compare: true` holds it against the live legacy store. */
  verifyArchive(directory: string, options?: { readonly compare?: boolean } & VerifyOptions): Promise<VerifyReport>
  /**
   * A signed statement that both sides are alike: at one moment, by the clock of the primary's database, nothing was left to
   * copy, and the last full sweep of every entity found no row that differed. For whoever has to sign off, and for the file.
   *
   * @throws CertificateRefusedError with every reason, when one of them is not so
   */
  certificate(options: CertificateOptions): Promise<Certificate>
  /** Whether legacy may be dropped: it was kept long enough, and an archive exists. Nothing is ever dropped by itself. */
  canDrop(): Promise<CutoverPlan>
}

/** Drives the switch of a migration. Any process may create one; of two that drive at once, one is refused. */
export function createCutover(migration: Migration, options: CutoverOptions = {}): Cutover {
  const usual = settingsOf(options)

  async function take(
    move: Move,
    { actor, reason }: { readonly actor: string; readonly reason: string },
    settings: Settings = usual,
  ): Promise<CutoverResult> {
    const snapshot = await migration.refresh()
    const context = { migration, snapshot, from: move.from, to: move.to, settings, patienceMs: settings.acknowledgeMs }
    const gates = await ask(gatesOf(move.name, settings.gates), context)
    if (gates.some((gate) => !gate.ok)) throw new CutoverBlockedError(migration.name, move.to, gates)
    return drive({ migration, settings, move, snapshot, gates, actor, reason })
  }

  return {
    plan: async (wanted = {}) => plan(migration, forPath(usual, wanted), wanted),
    certificate: async ({ privateKey, patienceMs }) =>
      certify(migration, usual, {
        privateKey,
        patienceMs: numberOption('patienceMs', patienceMs, 5_000, { min: 0 }),
      }),
    canDrop: () => plan(migration, usual, { to: 'drop' }),

    async advance({ to, actor, reason, path, maxWaitMs }) {
      if (to !== 'target-primary' && to !== 'complete')
        throw new InvalidOptionError('to', to, "'target-primary' or 'complete'")
      textOption('actor', actor)
      textOption('reason', reason)
      const settings = forPath(usual, { to, path, maxWaitMs })
      const snapshot = await migration.refresh()
      if (snapshot.phase === to) return finish(migration, settings, snapshot)
      if (path !== undefined) return take(MOVES[path], { actor, reason }, settings)
      return take(to === 'complete' ? MOVES.complete : MOVES.cutover, { actor, reason })
    },

    async rollback({ to: wanted, actor, reason }) {
      textOption('actor', actor)
      textOption('reason', reason)
      let snapshot = await migration.refresh()
      const to = wanted ?? PHASES[PHASES.indexOf(snapshot.phase) - 1]
      if (to === undefined || !PHASES.includes(to))
        throw new InvalidOptionError('to', to, 'a phase before the current one')
      if (to === snapshot.phase) return finish(migration, usual, snapshot)
      if (stepsBetween(snapshot.phase, to) > 0) {
        throw new PhaseRefusedError(migration.name, snapshot.phase, to, 'that is no way back. Nothing was changed')
      }
      let last: CutoverResult | undefined
      while (snapshot.phase !== to) {
        const { phase } = snapshot
        if (phase === 'complete') last = await take(MOVES.reopen, { actor, reason })
        else if (PLANS[phase].primary === 'target') last = await take(MOVES.rollback, { actor, reason })
        else await migration.advance({ to: PHASES[PHASES.indexOf(phase) - 1] as Phase, actor, reason })
        const from = snapshot
        snapshot = await migration.refresh()
        if (snapshot.epoch === from.epoch)
          throw new PhaseRefusedError(migration.name, phase, to, 'the change has not been seen yet')
      }
      return last ?? finish(migration, usual, snapshot)
    },

    freeze: (by = {}) => freeze(migration, by),
    thaw: (by = {}) => thaw(migration, by),
    archive: (wanted) => archive(migration, wanted),
    verifyArchive: (directory, { compare = false, ...wanted } = {}) =>
      verifyArchive(directory, compare ? { ...wanted, entities: migration.entities } : wanted),
  }
}

const MAX_WAIT_MS = 2_000

/** What holds on the short road: the time behind the fence is the caller's. */
function forPath(
  settings: Settings,
  {
    to,
    path,
    maxWaitMs,
  }: { readonly to?: string; readonly path?: string | undefined; readonly maxWaitMs?: number | undefined },
): Settings {
  if (path === undefined) {
    if (maxWaitMs !== undefined) throw new InvalidOptionError('maxWaitMs', maxWaitMs, "a path: 'fenced-copy'")
    return settings
  }
  if (path !== 'fenced-copy') throw new InvalidOptionError('path', path, "'fenced-copy'")
  if (to !== undefined && to !== 'target-primary') throw new InvalidOptionError('path', path, "to: 'target-primary'")
  return { ...settings, switchTimeoutMs: numberOption('maxWaitMs', maxWaitMs, MAX_WAIT_MS, { min: 1 }) }
}
