import { InvalidOptionError } from './errors.ts'

type Row = Readonly<Record<string, unknown>>

/** Both translations of an entity whose columns differ in nothing but their names. */
export interface SameColumns<Names extends Readonly<Record<string, string>>> {
  readonly columns: Names
  toTarget(row: { readonly [Legacy in keyof Names]: unknown }): { [Target in Names[keyof Names]]: never }
  toLegacy(row: { readonly [Target in Names[keyof Names]]: unknown }): { [Legacy in keyof Names]: never }
}

/**
 * The translations of an entity that only renames columns, from legacy's name to the target's. Columns that are not named
 * stay what they are on either side.
 *
 * @example
 * ```ts
 * defineEntity({ name: 'users', legacy, target, ...sameColumns({ member_id: 'id', mail: 'email' }) })
 * ```
 */
export function sameColumns<const Names extends Readonly<Record<string, string>>>(names: Names): SameColumns<Names> {
  const pairs = Object.entries(names)
  if (pairs.length === 0) throw new InvalidOptionError('columns', names, 'at least one column')
  const rename = (row: Row, way: readonly (readonly [string, string])[]): never =>
    Object.fromEntries(way.map(([from, to]) => [to, row[from]])) as never
  const back = pairs.map(([legacy, target]) => [target, legacy] as const)
  return {
    columns: names,
    toTarget: (row) => rename(row as Row, pairs),
    toLegacy: (row) => rename(row as Row, back),
  }
}
