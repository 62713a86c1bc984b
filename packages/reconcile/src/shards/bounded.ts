import type { Entity, EntityStore, Key, Stretch } from '@twinspan/core'

/** The same entity, as if there were nothing beyond a key: every stretch without an end ends there. */
export function boundedBy(entity: Entity, through: Key | undefined): Entity {
  if (through === undefined) return entity
  return { ...entity, legacy: boundedStore(entity.legacy, through), target: boundedStore(entity.target, through) }
}

function boundedStore(store: EntityStore, through: Key): EntityStore {
  const close = <Range extends Stretch>(range: Range): Range =>
    range.through === undefined ? { ...range, through } : range
  const { scanKeys, keyAt, keysAt, digest } = store
  const closed: Partial<EntityStore> = {
    scan: (range, options) => store.scan(close(range), options),
    ...(scanKeys === undefined ? {} : { scanKeys: (range, options) => scanKeys.call(store, close(range), options) }),
    ...(keyAt === undefined ? {} : { keyAt: (stretch, n, options) => keyAt.call(store, close(stretch), n, options) }),
    ...(keysAt === undefined
      ? {}
      : { keysAt: (stretch, n, most, options) => keysAt.call(store, close(stretch), n, most, options) }),
    ...(digest === undefined
      ? {}
      : { digest: (stretches, columns, options) => digest.call(store, stretches.map(close), columns, options) }),
  }
  // A proxy, because an adapter may know its stores by more than the methods of the port.
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(name in closed ? closed : target, name)
      return typeof value === 'function' && !(name in closed) ? value.bind(target) : value
    },
  })
}
