import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { advance } from './advance.ts'
import { captureOption } from './capture-modes.ts'
import { checkNames, checkStores, probeTranslation } from './checks.ts'
import { definitionOf } from './definition.ts'
import { examine, risksOption } from './doctor.ts'
import { InvalidOptionError, NotStartedError, redact, StalePhaseError, UnavailableError } from './errors.ts'
import { createEvents } from './events.ts'
import type { Migration, MigrationOptions, Snapshot } from './migration.ts'
import { numberOption, textOption } from './options.ts'
import { PLANS, type SideName } from './phases.ts'
import { createRoad, isRefusal, type Sighting } from './road.ts'
import type { BoundSide } from './side.ts'
import { recordEvents } from './telemetry.ts'
import { sleep as realSleep } from './time.ts'
import { createUnitOfWorkContext } from './unit-of-work.ts'

/** A migration before anybody has looked at the fences: nothing is captured, legacy answers. */
const UNKNOWN: Snapshot = { phase: 'off', epoch: 0, plan: PLANS.off, incarnation: '', switching: false, stale: true }

/**
 * One move of a set of entities from one store to another, as this process takes part in it.
 *
 * Every process of the service creates one with the same name, sides and entities, and starts it.
 */
export function createMigration(options: MigrationOptions): Migration {
  const name = textOption('name', options.name)
  const {
    onCaptureFailure = 'fail-write',
    entities,
    instance = randomUUID(),
    now = Date.now,
    sleep = realSleep,
    version = '',
  } = options
  const capture = captureOption(options.capture, options)
  if (onCaptureFailure !== 'fail-write' && onCaptureFailure !== 'write-anyway') {
    throw new InvalidOptionError('onCaptureFailure', onCaptureFailure, "'fail-write' or 'write-anyway'")
  }
  if (onCaptureFailure === 'write-anyway' && capture.legacy === 'trigger' && capture.target === 'trigger') {
    throw new InvalidOptionError('onCaptureFailure', onCaptureFailure, "'fail-write', because capture is 'trigger'")
  }
  checkNames(entities)
  const leaseMs = numberOption('leaseMs', options.leaseMs, 10_000, { min: 100 })
  const refreshMs = numberOption('refreshMs', options.refreshMs, 1_000, { min: 10, max: leaseMs / 2 })
  const timeoutMs = numberOption('timeoutMs', options.timeoutMs, 2_000, { min: 10 })
  const intents = {
    holdMs: numberOption('intents.holdMs', options.intents?.holdMs, 15_000, { min: 10 }),
    quarantineMs: numberOption('intents.quarantineMs', options.intents?.quarantineMs, 60_000, { min: 0 }),
  }
  const acceptRisks = risksOption(options.acceptRisks)
  const switchWaitMs = numberOption('switchWaitMs', options.switchWaitMs, 5_000, { min: 0 })
  const stateStore = options.store ?? options.target.store
  if (stateStore === undefined)
    throw new InvalidOptionError('store', undefined, 'a state store, because the target brings none')

  const bind = (side: SideName): BoundSide => {
    const bound = options[side].bind({ migration: name, side, intents: capture[side] === 'intent' })
    if (capture[side] === 'intent' && bound.intents === undefined) {
      throw new InvalidOptionError('capture', 'intent', `a mode that the ${bound.engine} side ${side} supports`)
    }
    return bound
  }
  const sides = { legacy: bind('legacy'), target: bind('target') }
  const store = stateStore.bind(name)
  const events = createEvents()
  const context = createUnitOfWorkContext()
  const ends: (() => Promise<void>)[] = []
  const answering = new Map<SideName | 'store', boolean>()

  let current = UNKNOWN
  let heardAt = Number.NEGATIVE_INFINITY
  // By a clock that costs no memory to read, for whoever asks at every read. A clock of the caller's own is asked every time.
  let freshUntil = Number.NEGATIVE_INFINITY
  let newest: { readonly side: SideName; readonly epoch: number; readonly revision: number } = {
    side: 'legacy',
    epoch: 0,
    revision: 0,
  }
  let watch: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined

  const road = createRoad({
    name,
    definition: definitionOf(entities),
    sides,
    store,
    timeoutMs,
    sleep,
    async ready(what) {
      if (what === 'store') return store.prepare()
      await checkStores(entities, what)
      return sides[what].prepare()
    },
    reachable(what, error) {
      const reachable = error === undefined
      if (answering.get(what) === reachable) return
      answering.set(what, reachable)
      events.emit({ type: 'reachable', what, reachable, ...(reachable ? {} : { error: redact(error) }) })
    },
  })

  function take(sighting: Sighting | undefined): Snapshot {
    if (sighting !== undefined && !isOutdated(sighting)) {
      if (sighting.authoritative) {
        heardAt = now()
        if (options.now === undefined) freshUntil = performance.now() + leaseMs
      }
      const { phase, epoch, incarnation, open } = sighting.row
      const from = current
      current = { phase, epoch, plan: PLANS[phase], incarnation, switching: !open, stale: false }
      newest = { side: sighting.side, epoch, revision: sighting.row.revision }
      if (epoch > from.epoch) events.emit({ type: 'phase', phase, epoch, from: from.phase })
    }
    return mark()
  }

  /** Two looks may be under way at once, and the one that began first may end last. */
  function isOutdated({ side, row }: Sighting): boolean {
    if (row.epoch !== newest.epoch) return row.epoch < newest.epoch
    return side === newest.side && row.revision < newest.revision
  }

  /** The current snapshot, its staleness brought up to date. */
  function mark(): Snapshot {
    const stale = now() - heardAt > leaseMs
    if (stale !== current.stale) {
      current = { ...current, stale }
      events.emit({ type: 'stale', stale })
    }
    return current
  }

  const look = shared(async () => take(await road.look()))
  // What a write waits for waits for no store.
  const glance = shared(async () => take(await road.look({ store: false })))

  /** A refresh; the pin of a unit of work moves with it. */
  async function renewed(way: () => Promise<Snapshot>): Promise<Snapshot> {
    if (watch === undefined) throw new NotStartedError(name)
    const snapshot = await way()
    const work = context.current()
    if (work !== undefined) work.snapshot = snapshot
    return snapshot
  }

  async function heartbeat(): Promise<void> {
    const { epoch, phase } = current
    await store.heartbeat({ instance, epoch, phase, host: hostname(), pid: process.pid, version }, leaseMs)
  }

  async function watching(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(refreshMs, signal).catch(() => {})
      if (signal.aborted) return
      // A refusal (another attempt in one of the databases) is reported by whatever is asked of the migration next; the
      // watch goes on, and the snapshot grows stale meanwhile.
      await look().catch(() => mark())
      void heartbeat().catch(() => {})
    }
  }

  const migration: Migration = {
    name,
    instance,
    capture,
    intents,
    onCaptureFailure,
    entities,
    acceptRisks,
    sides,
    store,
    events,
    now,
    sleep,

    async start() {
      if (watch !== undefined) return
      await validate()
      const sighting = await road.open()
      if (sighting === undefined) {
        throw new UnavailableError(`Migration "${name}" cannot start: neither legacy nor target answers.`)
      }
      take(sighting)
      await heartbeat().catch(() => {})
      const stop = new AbortController()
      watch = { stop, ended: context.exit(() => watching(stop.signal)) }
      // Nobody waits for it: a side that hangs must not hold up the service.
      void migration.doctor().catch(() => {})
    },

    async stop() {
      for (const end of ends.splice(0).reverse()) await end()
      if (watch === undefined) return
      watch.stop.abort()
      await watch.ended
      watch = undefined
      await store.endLease(instance).catch(() => {})
    },

    onStop(end) {
      ends.push(end)
    },

    get snapshot() {
      return context.current()?.snapshot ?? (performance.now() < freshUntil ? current : mark())
    },

    get unitOfWork() {
      return context.current()
    },

    detached: (work) => context.exit(work),

    run: (work, { unit } = {}) =>
      context.run(() => ({ snapshot: mark(), unit, pinned: new Map<string, unknown>() }), work),

    refresh: () => renewed(look),

    async settled() {
      const deadline = now() + switchWaitMs
      for (let snapshot = await renewed(glance); ; snapshot = await renewed(glance)) {
        if (!snapshot.switching) return snapshot
        if (now() >= deadline) {
          throw new StalePhaseError(
            snapshot.plan.primary,
            `a switch has been under way for more than ${switchWaitMs} ms`,
          )
        }
        // Every process asks both databases meanwhile, which have a journal to empty.
        await sleep(10)
      }
    },

    async doctor() {
      const findings = await examine(migration, timeoutMs)
      events.emit({ type: 'doctor', findings })
      return findings
    },

    advance: (change) => advance({ migration, acknowledgeMs: leaseMs + 1_000, lockTimeoutMs: timeoutMs }, change),
  }

  /** Everything that can be known to be wrong before the first write. A side that does not answer is checked when it does. */
  async function validate(): Promise<void> {
    const answers = { legacy: true, target: true }
    for (const side of ['legacy', 'target'] as const) {
      await checkStores(entities, side).catch((error: unknown) => {
        if (isRefusal(error)) throw error
        answers[side] = false
      })
    }
    if (!answers.legacy || !answers.target) return
    for (const entity of entities) {
      await probeTranslation(entity, 'legacy').catch((error: unknown) => {
        if (isRefusal(error)) throw error
      })
    }
  }

  events.on('*', recordEvents(name))
  return migration
}

/**
 * Work that many ask for at once and that is done once for all of them. Whoever asks while it is under way gets the next
 * one: what began before the question may answer with what was true before it.
 */
function shared<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined
  let next: Promise<T> | undefined
  return function begin(): Promise<T> {
    if (running !== undefined) {
      next ??= running.then(begin, begin)
      return next
    }
    next = undefined
    running = work().finally(() => {
      running = undefined
    })
    return running
  }
}
