import { type Entity, type Migration, otherSide, type SideName, TwinspanError } from '@twinspan/core'

/** Where the generator of one entity stands, and where it has to stand before `side` may make keys. */
export interface IdentityState {
  readonly entity: string
  readonly next: bigint
  /** The largest key that either side holds. */
  readonly largest: bigint
  /** The largest key that either side holds or has handed out. */
  readonly taken: bigint
}

/** The generators of the side that is about to make keys. An entity whose store on that side has none is left out. */
export async function readIdentities(migration: Migration, side: SideName): Promise<readonly IdentityState[]> {
  const states = await Promise.all(migration.entities.map((entity) => readIdentity(entity, side)))
  return states.filter((state) => state !== undefined)
}

async function readIdentity(entity: Entity, side: SideName): Promise<IdentityState | undefined> {
  const own = entity[side].identity
  if (own === undefined) return undefined
  const [mine, theirs] = await Promise.all([own.read(), entity[otherSide(side)].identity?.read()])
  const largest = max(mine.largest, theirs?.largest ?? 0n)
  // A key that the other side handed out and deleted again is taken all the same: somebody may still hold it.
  return { entity: entity.name, next: mine.next, largest, taken: max(largest, (theirs?.next ?? 1n) - 1n) }
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}

export interface MoveIdentities {
  readonly margin: number
  /** Both sides hold the same rows and nobody writes: a generator that stays behind them would hand out a key twice. */
  readonly settled: boolean
}

/**
 * Moves the generators of `side` past every key that is taken, with `margin` to spare. A generator that is past them
 * already is left alone, so that it may be called again behind the fence and then has nothing to do.
 */
export async function moveIdentities(migration: Migration, side: SideName, options: MoveIdentities): Promise<void> {
  const { margin, settled } = options
  for (const { entity: name, next, taken, largest } of await readIdentities(migration, side)) {
    if (next > taken) continue
    const identity = migration.entities.find((entity) => entity.name === name)?.[side].identity
    await identity?.moveTo(taken + 1n + BigInt(margin))
    if (!settled) continue
    // A table whose keys come from elsewhere has nothing that could be moved; past its rows is all it can be.
    const after = await identity?.read()
    if (after !== undefined && after.next <= largest) {
      throw new TwinspanError(
        'TWINSPAN_UNAVAILABLE',
        `The generator of "${name}" on ${side} stayed behind the keys that exist.`,
      )
    }
  }
}
