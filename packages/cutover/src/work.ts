import {
  captured,
  type Entity,
  type Migration,
  refuseForeignRows,
  type SideName,
  TARGET_OWNER,
  TwinspanError,
} from '@twinspan/core'
import { type CopyRun, copyEntity, verifyEntity } from './fenced-copy/copy-entity.ts'
import { emptyTargets, estimateByCopying } from './fenced-copy/estimate.ts'
import { reverseVerdict } from './gates/reverse.ts'
import { moveIdentities } from './identities.ts'
import type { MoveName } from './moves.ts'
import type { Settings } from './options.ts'
import { proveReverse } from './prove-reverse.ts'
import { readCutoverRecord, updateCutoverRecord } from './record.ts'
import type { Steps } from './steps.ts'

export interface WorkContext {
  readonly migration: Migration
  readonly settings: Settings
  readonly steps: Steps
  /** The epoch in which the move began. */
  readonly epoch: number
}

export interface FencedContext extends WorkContext {
  /** What is left of the time that writers may wait, at least 1. */
  leftMs(): number
  /** Aborted as soon as the time is over. */
  readonly signal: AbortSignal
}

/** What a move does beside the fence. Everything may be done twice. */
export interface Work {
  /** Before anybody waits. */
  prepare(context: WorkContext): Promise<void>
  /** While no writer passes and the journal is drained: short. */
  behindFence?(context: FencedContext): Promise<void>
  /** Takes back what `prepare` did, where it would be in the way. */
  undo?(context: WorkContext): Promise<void>
  /** After the decision. What fails here is finished by asking for the same move again. */
  settle?(context: WorkContext): Promise<void>
}

export const WORK: Readonly<Record<MoveName, Work>> = {
  cutover: {
    async prepare(context) {
      // They stay when the switch is undone: another driver may count on them already. While target is the secondary they
      // refuse everybody but the mirror.
      await installCapture(context, 'target')
      await makeRoom(context, 'target', false)
      await updateCutoverRecord(context.migration.store, (record) => ({ ...record, resync: null }))
    },
    behindFence: (context) => makeRoom(context, 'target', true),
  },

  'fenced-copy': {
    async prepare(context) {
      const { migration, settings, steps } = context
      await takeTarget(migration)
      await installCapture(context, 'target')
      await makeRoom(context, 'target', false)
      await updateCutoverRecord(migration.store, (record) => ({ ...record, resync: null }))
      const runOf = copyRuns(context, { leftMs: () => settings.switchTimeoutMs, signal: new AbortController().signal })
      await steps.run('rehearse', async () => {
        await emptyTargets(migration, runOf)
        const { rows, waitMs } = await estimateByCopying(migration, runOf)
        if (waitMs > settings.switchTimeoutMs) {
          throw new TwinspanError(
            'TWINSPAN_TIMEOUT',
            `writers would wait for about ${waitMs} ms while ${rows} rows are copied, and may for ${settings.switchTimeoutMs}`,
          )
        }
        // While there are rows to try it on.
        await proveWayBack(context)
        await emptyTargets(migration, runOf)
      })
    },
    async behindFence(context) {
      const { migration, steps } = context
      const runOf = copyRuns(context, context)
      await steps.run('copy', async () => {
        for (const entity of migration.entities) await copyEntity(runOf(entity))
      })
      await steps.run('verify', async () => {
        for (const entity of migration.entities) await verifyEntity(runOf(entity))
      })
      await makeRoom(context, 'target', true)
    },
  },

  complete: {
    async prepare() {},
    async settle(context) {
      const { migration, steps } = context
      await steps.run('record', async () => {
        const clock = await migration.sides.target.fence.read()
        if (clock === undefined) throw new TwinspanError('TWINSPAN_UNAVAILABLE', 'The target does not tell the time.')
        const { epoch } = clock.row
        await updateCutoverRecord(migration.store, (record) =>
          record.completed?.epoch === epoch ? record : { ...record, completed: { at: clock.now, epoch } },
        )
      })
      await steps.run('freeze', () => freezeLegacy(migration))
      await steps.run('uncapture', () => uncapture(migration))
    },
  },

  rollback: {
    async prepare(context) {
      await installCapture(context, 'legacy')
      await makeRoom(context, 'legacy', false)
    },
    behindFence: (context) => makeRoom(context, 'legacy', true),
    async settle({ migration }) {
      await updateCutoverRecord(migration.store, (record) => ({ ...record, resync: null, completed: null }))
    },
  },

  reopen: {
    async prepare(context) {
      const { migration, steps, epoch } = context
      await installCapture(context, 'target')
      // Before legacy thaws: its triggers are what refuses a write there while target is the primary.
      await installCapture(context, 'legacy')
      await updateCutoverRecord(migration.store, (record) => ({ ...record, resync: { epoch: epoch + 1, since: null } }))
      await steps.run('thaw', () => migration.sides.legacy.freeze.uninstall(captured(migration.entities, 'legacy')))
    },
    async undo({ migration }) {
      await freezeLegacy(migration)
      await uncapture(migration)
    },
    async settle({ migration, settings, steps }) {
      const { resync } = await readCutoverRecord(migration.store)
      if (resync === null || resync.since !== null) return
      await steps.run('acknowledge', () => everybodyCaptures(migration, settings.acknowledgeMs))
      await updateCutoverRecord(migration.store, (record) =>
        record.resync === null || record.resync.since !== null
          ? record
          : { ...record, resync: { ...record.resync, since: migration.now() } },
      )
    },
  },
}

/** The target is this attempt's from now on. Asked once more after the gate: what is there is about to be removed. */
async function takeTarget({ name, store, entities, snapshot: { incarnation } }: Migration): Promise<void> {
  if ((await store.getDocument(TARGET_OWNER))?.value === incarnation) return
  await refuseForeignRows(name, entities)
  await store.putDocument(TARGET_OWNER, incarnation)
}

function copyRuns(
  { migration, epoch }: WorkContext,
  { leftMs, signal }: Pick<FencedContext, 'leftMs' | 'signal'>,
): (entity: Entity) => CopyRun {
  return (entity) => ({ migration, entity, epoch, leftMs, signal })
}

async function proveWayBack({ migration, settings }: WorkContext): Promise<void> {
  for (const entity of migration.entities) {
    const proof = await proveReverse(migration, entity, { rows: settings.probeRows, write: true })
    const verdict = reverseVerdict(proof, migration.sides.legacy.opaque !== undefined)
    if (!verdict.ok) throw new TwinspanError('TWINSPAN_CUTOVER_BLOCKED', `${entity.name}: ${verdict.detail}`)
  }
}

/** Installs the triggers and makes sure of them. Nothing to do where the wrapper captures. */
async function installCapture({ migration, steps }: WorkContext, side: SideName): Promise<void> {
  if (migration.capture[side] !== 'trigger') return
  await steps.run('capture', async () => {
    const { capture } = migration.sides[side]
    const entities = captured(migration.entities, side)
    await capture.install(entities)
    const [missing] = await capture.verify(entities)
    if (missing !== undefined) {
      throw new TwinspanError('TWINSPAN_UNAVAILABLE', `The triggers of ${side} are not complete: ${missing}`)
    }
  })
}

async function makeRoom({ migration, settings, steps }: WorkContext, side: SideName, settled: boolean): Promise<void> {
  const { identityMargin: margin } = settings
  await steps.run('identities', () => moveIdentities(migration, side, { margin, settled }))
}

/**
 * Freezes legacy, unless the migration has left `complete` in the meantime: the reverse mirror writes it again then. An
 * opaque one is for its owner to close, which `follow` says.
 */
async function freezeLegacy(migration: Migration): Promise<void> {
  if (migration.sides.legacy.opaque !== undefined) return
  if (await isComplete(migration)) await migration.sides.legacy.freeze.install(captured(migration.entities, 'legacy'))
}

async function isComplete(migration: Migration): Promise<boolean> {
  return (await migration.sides.target.fence.read())?.row.phase === 'complete'
}

/** Removes the target's triggers, unless the migration has left `complete` in the meantime. */
async function uncapture(migration: Migration): Promise<void> {
  if (migration.capture.target !== 'trigger' || !(await isComplete(migration))) return
  await migration.sides.target.capture.uninstall(captured(migration.entities, 'target'))
}

/** A process that still works by `complete` writes uncaptured where the wrapper captures. */
async function everybodyCaptures(migration: Migration, patienceMs: number): Promise<void> {
  const { epoch } = migration.snapshot
  const until = migration.now() + patienceMs
  for (;;) {
    const behind = (await migration.store.leases()).filter(
      (lease) => lease.epoch < epoch && lease.instance !== migration.instance,
    )
    if (behind.length === 0) return
    if (migration.now() >= until) {
      throw new TwinspanError('TWINSPAN_TIMEOUT', `${behind.length} live processes have not seen epoch ${epoch} yet`)
    }
    await migration.sleep(Math.min(100, patienceMs))
  }
}
