import {
  type AuditEntry,
  backfillDocument,
  createMigration,
  defineEntity,
  type Entity,
  type Json,
  type Migration,
  type MigrationOptions,
  type OpaqueGuard,
  opaqueSide,
  otherSide,
  parseKey,
  type Side,
  type SideFinding,
  type SideName,
  stripeOf,
  sweepDocument,
  translateRow,
} from '@twinspan/core'
import {
  createMemoryDatabase,
  type MemoryDatabase,
  type MemoryTable,
  memorySide,
  type Step,
} from '@twinspan/core/testing'

export { walkTo as advanceTo } from '@twinspan/core/testing'

export interface Member {
  readonly member_id: number
  readonly mail: string
  readonly status: string
}

export interface User {
  readonly id: number
  readonly email: string
  readonly active: boolean
}

/** One process of the service. */
export interface Process {
  readonly migration: Migration
  readonly users: Entity
  readonly members: MemoryTable<Member>
  readonly targets: MemoryTable<User>
  /** Copies everything that is dirty on the primary, as a mirror would. */
  mirror(): Promise<void>
  /** Renews the lease, as the watch does every second: this process works by the epoch that it knows. */
  acknowledge(): Promise<void>
  /** From now on nothing that this process sends arrives anywhere. */
  kill(): void
}

export interface World {
  readonly legacy: MemoryDatabase
  readonly target: MemoryDatabase
  readonly clock: { ms: number }
  /** What the examination of a side finds. */
  readonly findings: Record<SideName, readonly SideFinding[]>
  process(options?: {
    readonly step?: Step
    readonly capture?: MigrationOptions['capture']
    /** Makes legacy a store of which only four functions are known. */
    readonly opaqueLegacy?: OpaqueGuard
    readonly acceptRisks?: readonly string[]
  }): Promise<Process>
  close(): Promise<void>
}

/** Two databases in memory and a clock that moves when somebody waits. */
export function createWorld(): World {
  const clock = { ms: 1_700_000_000_000 }
  const now = (): number => clock.ms
  const legacy = createMemoryDatabase({ now })
  const target = createMemoryDatabase({ now })
  const started: Migration[] = []
  const findings: World['findings'] = { legacy: [], target: [] }
  const examined = (name: SideName, side: Side): Side => ({
    ...side,
    bind: (scope) => ({ ...side.bind(scope), examine: async () => findings[name] }),
  })
  let count = 0
  return {
    legacy,
    target,
    clock,
    findings,
    async process({ step: extra, capture, opaqueLegacy, acceptRisks = [] } = {}) {
      let dead = false
      const step: Step = async (what) => {
        if (dead) throw new Error('killed')
        await extra?.(what)
        if (dead) throw new Error('killed')
      }
      const sides = { legacy: memorySide(legacy, { step }), target: memorySide(target, { step }) }
      const members = sides.legacy.table<Member>('members', { key: 'member_id' })
      const targets = sides.target.table<User>('users', { key: 'id' })
      const users = defineEntity({
        name: 'users',
        legacy: members,
        target: targets,
        toTarget: (row) => ({ id: row.member_id, email: row.mail, active: row.status === 'Active' }),
        toLegacy: (row) => ({ member_id: row.id, mail: row.email, status: row.active ? 'Active' : 'Pending' }),
      }) as Entity
      const migration = createMigration({
        name: 'people',
        legacy:
          opaqueLegacy === undefined
            ? examined('legacy', sides.legacy)
            : opaqueSide({ journal: sides.legacy, guard: opaqueLegacy }),
        target: examined('target', sides.target),
        ...(capture === undefined ? {} : { capture }),
        acceptRisks,
        entities: [users],
        instance: `process-${++count}`,
        now,
        // The watch passes a signal and waits for its end; everything else that waits moves the clock.
        sleep: (ms, signal) =>
          new Promise((resolve, reject) => {
            if (signal !== undefined) return signal.addEventListener('abort', () => reject(signal.reason))
            clock.ms += ms
            setImmediate(resolve)
          }),
      })
      started.push(migration)
      await migration.start()
      return {
        migration,
        users,
        members,
        targets,
        mirror: () => mirror(migration),
        async acknowledge() {
          const { phase, epoch } = await migration.refresh()
          const { instance } = migration
          await migration.store.heartbeat({ instance, epoch, phase, host: 'here', pid: 1, version: '' }, 10_000)
        },
        kill: () => {
          dead = true
        },
      }
    },
    async close() {
      for (const migration of started) await migration.stop().catch(() => {})
    },
  }
}

/** What backfill and sweep leave behind when they ran to their end just now and found nothing. */
export async function recordCleanCopy(
  migration: Migration,
  sweep: { readonly [field: string]: Json } = {},
): Promise<void> {
  const { incarnation, epoch, plan } = await migration.refresh()
  const at = migration.now()
  for (const { name } of migration.entities) {
    await migration.store.putDocument(backfillDocument(name), {
      entity: name,
      incarnation,
      epoch,
      through: null,
      done: true,
      rows: 0,
      inserted: 0,
      marked: 0,
      quarantined: 0,
      chunkRows: 100,
      startedAt: at,
      updatedAt: at,
    })
    const clean = { rows: 0, drift: 0, undecided: 0, repaired: 0, parity: 1, lowerBound95: 1 }
    await migration.store.putDocument(sweepDocument(name), {
      entity: name,
      incarnation,
      epoch,
      primary: plan.primary,
      startedAt: at,
      finishedAt: at,
      ...clean,
      ...sweep,
    })
  }
}

async function mirror(migration: Migration): Promise<void> {
  for (let round = 0; round < 100; round++) {
    const { epoch, plan } = await migration.refresh()
    if (plan.mirrorsTo === null) return
    const from = plan.primary
    const rows = await migration.sides[from].journal.read({ limit: 100 })
    if (rows.length === 0) return
    for (const { id, entity: name, key } of rows) {
      const entity = migration.entities.find((known) => known.name === name) as Entity
      await copy(migration, entity, from, key, epoch)
      await migration.sides[from].journal.remove([id])
    }
  }
}

function copy(migration: Migration, entity: Entity, from: SideName, text: string, epoch: number): Promise<void> {
  const key = parseKey(text, 1)
  const to = otherSide(from)
  return migration.sides[to].copy({ stripes: [stripeOf(text)], epoch }, async ({ transaction }) => {
    const [row] = await entity[from].load([key])
    const translated = row === undefined ? null : translateRow(entity, from, row)
    if (translated === null) await entity[to].remove([key], { transaction })
    else await entity[to].save([translated], { transaction })
  })
}

export function phasesOf(audit: readonly AuditEntry[]): readonly string[] {
  return audit.filter(({ action }) => action === 'phase').map(({ from, to }) => `${from} → ${to}`)
}
