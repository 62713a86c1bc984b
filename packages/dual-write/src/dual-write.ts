import { type Entity, InvalidOptionError, type Migration, MissingOperationError, numberOption } from '@twinspan/core'
import { checkOperations } from './check-operations.ts'
import type { AnyOperation, Operations } from './operation.ts'
import { createReads } from './reads.ts'
import { bindRepository, callMethod, checkSurface, type RepositorySource } from './repository.ts'
import type { Decider } from './router.ts'
import { createWrites } from './writes.ts'

export interface DualWriteOptions<Repository extends object> {
  readonly legacy: RepositorySource<Repository>
  /** The same surface over the target's schema. */
  readonly target: RepositorySource<{ [Name in keyof NoInfer<Repository>]: NoInfer<Repository>[Name] }>
  /** What each method does. */
  readonly operations: Operations<NoInfer<Repository>>
  /** Who is in the canary. Without it the primary answers every read in `canary` too. */
  readonly router?: Decider
  /**
   * With `capture: 'intent'`: whether an error of a write says for certain that the call has not taken effect and never
   * will, as a validation error does and a timeout does not. Keys of a call of which that is not known stay dirty for
   * `intents.quarantineMs` of the migration, and keep a switch waiting.
   *
   * @default no error does
   */
  readonly refused?: (error: unknown) => boolean
  /** Methods that only the repository itself calls (TypeScript's `private` leaves them visible at run time). @default [] */
  readonly internal?: readonly string[]
  /** How long the secondary may take to answer a routed or repeated read. @default 1_000 */
  readonly readTimeoutMs?: number
  /** Share of the reads that is repeated on the other side and compared, 0 to 1, in phases that compare. @default 0.01 */
  readonly shadowRate?: number
  /** How many repeated reads may be under way at once; what does not fit is dropped and counted. @default 8 */
  readonly shadowInFlight?: number
  /** How long to wait before a repeated read that differed is repeated once more. @default 500 */
  readonly recheckMs?: number
  /**
   * Share of the repeated reads that is repeated on the primary as well, 0 to 1. How often the primary does not agree with
   * itself (a clock, an order that nobody asked for, a write in between) is what a mismatch rate is read against.
   *
   * @default 0.1
   */
  readonly noise?: number
  readonly random?: () => number
}

/**
 * Wraps a repository: the same type, the same results, the same errors. Writes run on the primary and are captured; the
 * mirror, not the caller, brings them to the other side.
 *
 * @throws MissingOperationError when a method is not classified
 */
export function dualWrite<Repository extends object>(
  migration: Migration,
  entity: Entity,
  options: DualWriteOptions<Repository>,
): Repository {
  if (!migration.entities.includes(entity)) {
    throw new InvalidOptionError('entity', entity?.name, `an entity of migration "${migration.name}"`)
  }
  const repositories = {
    legacy: bindRepository(options.legacy, migration.sides.legacy.connection, 'legacy'),
    target: bindRepository(options.target, migration.sides.target.connection, 'target'),
  }
  for (const side of ['legacy', 'target'] as const) {
    if (migration.capture[side] === 'transaction' && repositories[side].on === undefined) {
      throw new InvalidOptionError(
        side,
        'an object',
        "a function (connection) => repository, because capture is 'transaction'",
      )
    }
  }
  const internal = options.internal ?? []
  const operations = options.operations as Readonly<Record<string, AnyOperation | undefined>>
  checkSurface(entity.name, repositories.legacy.base, repositories.target.base, operations, internal)
  checkOperations(operations, { targetIsFunction: repositories.target.on !== undefined })

  const writes = createWrites(migration, entity, repositories, options.refused)
  const reads = createReads(migration, entity, repositories, {
    router: options.router,
    readTimeoutMs: numberOption('readTimeoutMs', options.readTimeoutMs, 1_000, { min: 1 }),
    shadowRate: numberOption('shadowRate', options.shadowRate, 0.01, { min: 0, max: 1 }),
    shadowInFlight: numberOption('shadowInFlight', options.shadowInFlight, 8, { min: 0, integer: true }),
    recheckMs: numberOption('recheckMs', options.recheckMs, 500, { min: 0 }),
    noise: numberOption('noise', options.noise, 0.1, { min: 0, max: 1 }),
    random: options.random ?? Math.random,
  })

  const methods = new Map<PropertyKey, (...args: unknown[]) => unknown>()
  for (const [name, operation] of Object.entries(operations)) {
    if (operation?.kind === 'read') methods.set(name, (...args) => reads(name, operation.options, args))
    else if (operation?.kind === 'write') methods.set(name, (...args) => writes(name, operation.options, args))
    else {
      methods.set(name, (...args) => callMethod(repositories[migration.snapshot.plan.primary].base, name, args))
    }
  }

  // A bare object with the repository's prototype, never the repository itself: a frozen one has invariants that a
  // proxy may not break.
  const bare = Object.create(Object.getPrototypeOf(repositories.legacy.base)) as Repository
  return new Proxy(bare, {
    get(_, property) {
      const method = methods.get(property)
      if (method !== undefined) return method
      const repository = repositories[migration.snapshot.plan.primary].base
      const value: unknown = Reflect.get(repository, property, repository)
      if (typeof value !== 'function' || property === 'constructor') return value
      if (typeof property === 'symbol' || property in Object.prototype || internal.includes(property)) {
        return value.bind(repository)
      }
      // It came after the surface was checked. Called, it would read or write one store alone, and nobody would know.
      return () => {
        throw new MissingOperationError(entity.name, [property])
      }
    },
    has: (_, property) => Reflect.has(repositories.legacy.base, property),
  })
}
