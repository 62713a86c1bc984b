import { InvalidOptionError, MissingOperationError } from '@twinspan/core'

/**
 * A repository, or a function that makes one on a connection: the side's own, or the transaction that `capture: 'transaction'`
 * runs a write in. Annotate its parameter with the type of your connection: `(db: Kysely<Schema>) => new Users(db)`.
 */
export type RepositorySource<Repository> = Repository | ((connection: never) => Repository)

export type Method = (...args: readonly unknown[]) => unknown

/** The repository of one side, bound to whatever connection a call needs. */
export interface BoundRepository {
  /** On the side's own connection. */
  readonly base: object
  /** On a transaction's connection; `undefined` where the application gave an object that is bound already. */
  readonly on: ((connection: unknown) => object) | undefined
}

export function bindRepository(source: unknown, connection: unknown, option: string): BoundRepository {
  if (typeof source === 'function') {
    const make = source as (connection: unknown) => unknown
    return { base: requireObject(make(connection), option), on: (other) => requireObject(make(other), option) }
  }
  return { base: requireObject(source, option), on: undefined }
}

/** Calls a method on the repository itself: `#private` fields work, and a method that calls its neighbour is mirrored once. */
export function callMethod(repository: object, name: string, args: readonly unknown[]): unknown {
  return ((repository as Record<string, unknown>)[name] as Method).apply(repository, args as unknown[])
}

/** Every method of an object, those of its classes included. */
function methodNames(repository: object): readonly string[] {
  const names = new Set<string>()
  for (
    let level: object | null = repository;
    level !== null && level !== Object.prototype;
    level = Object.getPrototypeOf(level)
  ) {
    for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(level))) {
      // A getter is no method, and calling it here could do anything.
      if (name !== 'constructor' && typeof property.value === 'function') names.add(name)
    }
  }
  return [...names]
}

/**
 * The types cannot see a class that was extended elsewhere or a repository that came as `unknown`, so the surface is
 * checked once more when the wrapper is made.
 */
export function checkSurface(
  entity: string,
  legacy: object,
  target: object,
  operations: Readonly<Record<string, { readonly kind: string } | undefined>>,
  internal: readonly string[],
): void {
  const unclassified = methodNames(legacy).filter((name) => operations[name] === undefined && !internal.includes(name))
  if (unclassified.length > 0) throw new MissingOperationError(entity, unclassified)
  for (const [side, repository] of [
    ['legacy', legacy],
    ['target', target],
  ] as const) {
    for (const name of Object.keys(operations)) {
      if (typeof (repository as Record<string, unknown>)[name] !== 'function') {
        throw new InvalidOptionError(
          `operations.${name}`,
          'a method',
          `a method that the ${side} repository has`,
          `"${entity}"`,
        )
      }
    }
  }
}

function requireObject(value: unknown, option: string): object {
  if (typeof value === 'object' && value !== null) return value
  throw new InvalidOptionError(option, value, 'a repository, or a function that returns one')
}
