import { type Entity, type Identity, type Migration, otherSide, type SideName, TwinspanError } from '@twinspan/core'

/** Where one generator stands, and where it has to stand before `side` may make keys. */
export interface IdentityState {
  /** The entity whose keys it makes, or `entity.part`. */
  readonly entity: string
  readonly identity: Identity
  readonly next: bigint
  /** The largest key that either side holds. */
  readonly largest: bigint
  /** The largest key that either side holds or has handed out. */
  readonly taken: bigint
}

/** The generators of the side that is about to make keys. An entity whose store on that side has none is left out. */
export async function readIdentities(migration: Migration, side: SideName): Promise<readonly IdentityState[]> {
  return Promise.all(migration.entities.flatMap((entity) => identitiesOf(entity, side)))
}

function identitiesOf(entity: Entity, side: SideName): readonly Promise<IdentityState>[] {
  const [own, other] = [entity[side], entity[otherSide(side)]]
  const parts = Object.entries(own.identities ?? {}).map(([part, identity]) =>
    readIdentity(`${entity.name}.${part}`, identity, other.identities?.[part]),
  )
  return own.identity === undefined ? parts : [readIdentity(entity.name, own.identity, other.identity), ...parts]
}

async function readIdentity(entity: string, identity: Identity, other: Identity | undefined): Promise<IdentityState> {
  const [mine, theirs] = await Promise.all([identity.read(), other?.read()])
  const largest = max(mine.largest, theirs?.largest ?? 0n)
  // A key that the other side handed out and deleted again is taken all the same: somebody may still hold it.
  return { entity, identity, next: mine.next, largest, taken: max(largest, (theirs?.next ?? 1n) - 1n) }
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}

export interface MoveIdentities {
  readonly margin: number
  /** Nobody writes any more: a generator that stays behind the keys that exist would hand out a key twice. */
  readonly settled: boolean
}

/**
 * Whether a generator has to be moved. A process that has not heard of a switch draws keys from the side that was left before
 * the fence refuses it, and must not draw one that the new primary gave out and the mirror brought there: half of the margin
 * is kept free of that. Behind the fence, where moving costs users' time, only what would hand out a key twice is moved.
 */
export function isToMove({ next, taken }: IdentityState, { margin, settled }: MoveIdentities): boolean {
  return next <= taken + (settled ? 0n : BigInt(Math.floor(margin / 2)))
}

/**
 * Moves the generators of `side` past every key that is taken, with `margin` to spare. A generator that is far enough
 * already is left alone, so that it may be called again behind the fence and then has nothing to do.
 */
export async function moveIdentities(migration: Migration, side: SideName, options: MoveIdentities): Promise<void> {
  const { margin, settled } = options
  for (const state of await readIdentities(migration, side)) {
    const { entity: name, identity, taken, largest } = state
    if (!isToMove(state, options)) continue
    await identity.moveTo(taken + 1n + BigInt(margin))
    if (!settled) continue
    // A table whose keys come from elsewhere has nothing that could be moved; past its rows is all it can be.
    const after = await identity.read()
    if (after.next <= largest) {
      throw new TwinspanError(
        'TWINSPAN_UNAVAILABLE',
        `The generator of "${name}" on ${side} stayed behind the keys that exist.`,
      )
    }
  }
}
