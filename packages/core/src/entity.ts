import type { EntityStore } from './entity-store.ts'
import { InvalidOptionError } from './errors.ts'
import { type Key, keyText, parseKey } from './key.ts'
import type { SideName } from './phases.ts'

export interface EntityOptions<LegacyOut, LegacyIn, TargetOut, TargetIn> {
  /** What the entity is called in the journal, in metrics and in findings. Unique within a migration. */
  readonly name: string
  readonly legacy: EntityStore<LegacyOut, LegacyIn>
  readonly target: EntityStore<TargetOut, TargetIn>
  /**
   * The target's row for a legacy row; `null` when the target is to hold none. Pure: it is called by the mirror, the
   * backfill and the comparison, and all of them must get the same answer. Columns that it leaves out are the target's own.
   */
  toTarget(row: NoInfer<LegacyOut>): NoInfer<TargetIn> | null
  /** The way back, for the reverse mirror after the switch. */
  toLegacy(row: NoInfer<TargetOut>): NoInfer<LegacyIn> | null
  /**
   * Legacy column → target column, where the translation does nothing but hand values over. A sweep then compares digests
   * that the databases compute, and reads rows only where these differ. `sameColumns` gives it together with both translations.
   */
  readonly columns?: Readonly<Record<string, string>>
}

/** One kind of record that exists on both sides. */
export interface Entity<LegacyOut = unknown, LegacyIn = unknown, TargetOut = unknown, TargetIn = unknown> {
  readonly name: string
  readonly legacy: EntityStore<LegacyOut, LegacyIn>
  readonly target: EntityStore<TargetOut, TargetIn>
  toTarget(row: LegacyOut): TargetIn | null
  toLegacy(row: TargetOut): LegacyIn | null
  /** Legacy column → target column, where the translation only hands values over. */
  readonly columns?: Readonly<Record<string, string>>
  /** The canonical key of a row of `side`, loaded or translated. */
  keyTextOf(side: SideName, row: unknown): string
  /** The key of a row of `side`. */
  keyOf(side: SideName, row: unknown): Key
  /** The key that a `keyText` names, its parts as strings: what `load` and `remove` take. */
  keyOfText(text: string): Key
  /** Translates a row that `from` stores into what the other side stores. */
  translate(from: SideName, row: unknown): unknown
}

/**
 * Describes one kind of record: where each side keeps it and how one side's row becomes the other's.
 *
 * Both sides must agree on the key: the keys of a row and of its translation have the same `keyText`.
 */
export function defineEntity<LegacyOut, LegacyIn, TargetOut, TargetIn>(
  options: EntityOptions<LegacyOut, LegacyIn, TargetOut, TargetIn>,
): Entity<LegacyOut, LegacyIn, TargetOut, TargetIn> {
  if (typeof options.name !== 'string' || options.name === '') {
    throw new InvalidOptionError('name', options.name, 'a non-empty string')
  }
  for (const translation of ['toTarget', 'toLegacy'] as const) {
    if (typeof options[translation] !== 'function') {
      throw new InvalidOptionError(translation, options[translation], 'a function', `entity "${options.name}"`)
    }
  }
  for (const side of ['legacy', 'target'] as const) {
    for (const method of ['load', 'scan', 'save', 'remove'] as const) {
      if (typeof options[side]?.[method] !== 'function') {
        throw new InvalidOptionError(
          `${side}.${method}`,
          options[side]?.[method],
          'a function',
          `entity "${options.name}"`,
        )
      }
    }
  }
  const keyParts = options.legacy.keyParts ?? 1
  if ((options.target.keyParts ?? 1) !== keyParts) {
    throw new InvalidOptionError(
      'target.keyParts',
      options.target.keyParts ?? 1,
      `${keyParts}, as on legacy`,
      `entity "${options.name}"`,
    )
  }
  const { columns } = options
  if (columns !== undefined && new Set(Object.values(columns)).size !== Object.keys(columns).length) {
    throw new InvalidOptionError('columns', columns, 'every target column once', `entity "${options.name}"`)
  }
  const keyOf = (side: SideName, row: unknown): Key => {
    const store: EntityStore = options[side]
    return store.key === undefined ? (row as { id: Key }).id : store.key(row)
  }
  return {
    name: options.name,
    legacy: options.legacy,
    target: options.target,
    toTarget: (row) => options.toTarget(row),
    toLegacy: (row) => options.toLegacy(row),
    ...(columns === undefined ? {} : { columns }),
    keyOf,
    keyOfText: (text) => parseKey(text, keyParts),
    keyTextOf: (side, row) => keyText(keyOf(side, row)),
    translate: (from, row) =>
      from === 'legacy' ? options.toTarget(row as LegacyOut) : options.toLegacy(row as TargetOut),
  }
}
