import { type Journal, type Migration, type SideName, TwinspanError } from '@twinspan/core'

const LOOK_MS = 5
const HINT_MS = 200

/** As few dirty keys as are there at any moment under traffic. */
const FEW = 10
const APPROACH_MS = 1_000

/**
 * Before the fence closes, while nobody waits: lets the mirrors catch up. What is dirty when it closes is copied on the
 * users' time. A backlog that stays is no reason to give up here: the drain has its own limit.
 */
export async function approachEmpty({ migration, side, drain }: Omit<DrainRequest, 'deadline'>): Promise<void> {
  const { journal } = migration.sides[side]
  const until = migration.now() + APPROACH_MS
  if ((await journal.stats()).depth <= FEW) return
  void (async () => drain?.())().catch(() => {})
  await hint(migration, journal)
  for (;;) {
    const { depth, parked } = await journal.stats()
    if (depth - parked <= FEW || migration.now() >= until) return
    await migration.sleep(LOOK_MS)
  }
}

export interface DrainRequest {
  readonly migration: Migration
  readonly side: SideName
  /** By `migration.now()`. */
  readonly deadline: number
  readonly drain: (() => Promise<unknown>) | undefined
}

/**
 * Waits until the journal of `side` is empty. The fence is closed, so nothing is added; the mirrors of the live processes,
 * and `drain`, take away what is left.
 *
 * @returns how many keys were dirty at the beginning
 */
export async function drainJournal({ migration, side, deadline, drain }: DrainRequest): Promise<number> {
  const { journal } = migration.sides[side]
  let failure: { readonly error: unknown } | undefined
  // Not awaited: once the journal is empty nobody waits for what the helper still looks at.
  void (async () => drain?.())().catch((error: unknown) => {
    failure = { error }
  })
  let dirty: number | undefined
  let hintAt = 0
  for (;;) {
    const { depth, parked, oldestAgeMs } = await journal.stats()
    dirty ??= depth
    if (depth === 0) return dirty
    migration.events.emit({ type: 'journal', side, depth, oldestAgeMs, parked })
    if (parked > 0) throw new Stopped(`${parked} of ${depth} dirty keys were given up on by the mirror`)
    if (failure !== undefined) throw failure.error
    if (migration.now() >= deadline) throw new Stopped(`${depth} keys still dirty when the time was up`)
    if (migration.now() >= hintAt) {
      await hint(migration, journal)
      hintAt = migration.now() + HINT_MS
    }
    await migration.sleep(LOOK_MS)
  }
}

/** Tells the mirrors of this process what is left, so that they need not wait for their next poll. */
async function hint(migration: Migration, journal: Journal): Promise<void> {
  const keys = new Map<string, string[]>()
  for (const { entity, key } of await journal.read({ limit: 1_000 })) {
    const known = keys.get(entity)
    if (known === undefined) keys.set(entity, [key])
    else known.push(key)
  }
  for (const [entity, dirty] of keys) migration.events.emit({ type: 'dirty', entity, keys: dirty })
}

/** A drain that cannot end in time. */
class Stopped extends TwinspanError {
  override readonly name: string = 'Stopped'

  constructor(why: string) {
    super('TWINSPAN_TIMEOUT', why)
  }
}
