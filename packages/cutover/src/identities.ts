import { type Entity, type Migration, otherSide, type SideName } from '@twinspan/core'

/** Where the generator of one entity stands, and where it has to stand before `side` may make keys. */
export interface IdentityState {
  readonly entity: string
  readonly next: bigint
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
  // A key that the other side handed out and deleted again is taken all the same: somebody may still hold it.
  const taken = [mine.largest, theirs?.largest ?? 0n, (theirs?.next ?? 1n) - 1n].reduce((a, b) => (a > b ? a : b))
  return { entity: entity.name, next: mine.next, taken }
}

/**
 * Moves the generators of `side` past every key that is taken, with `margin` to spare. A generator that is past them
 * already is left alone, so that it may be called again behind the fence and then has nothing to do.
 *
 * @returns what was moved, to where
 */
export async function moveIdentities(
  migration: Migration,
  side: SideName,
  margin: number,
): Promise<readonly { readonly entity: string; readonly next: string }[]> {
  const moved: { readonly entity: string; readonly next: string }[] = []
  for (const { entity: name, next, taken } of await readIdentities(migration, side)) {
    if (next > taken) continue
    const to = taken + 1n + BigInt(margin)
    const identity = migration.entities.find((entity) => entity.name === name)?.[side].identity
    await identity?.moveTo(to)
    const after = await identity?.read()
    if (after !== undefined && after.next <= taken)
      throw new Error(`the generator of "${name}" on ${side} stayed behind its keys`)
    moved.push({ entity: name, next: to.toString() })
  }
  return moved
}
