import {
  type CanonicalForm,
  type DigestColumn,
  type Entity,
  type EntityStore,
  type Key,
  keyText,
  otherSide,
  type SideName,
  type WrittenRow,
} from '@twinspan/core'

/** A column that both sides can write in one form. */
export interface ExactColumn {
  readonly legacy: string
  readonly target: string
  readonly form: CanonicalForm
  readonly nullable: boolean
  /** See `DigestColumn.scale`. */
  readonly scale?: number
  /** See `DigestColumn.bits`. */
  readonly bits?: boolean
}

/** A value in its canonical form. */
export interface Written {
  readonly form: CanonicalForm
  readonly text: string | null
}

/**
 * What rows hold where their driver's values are not exact: a `Date` has no microseconds, a number no more than 53 bits, a FLOAT
 * six digits. Two rows that differ in that alone must not be called equal, and two that agree not different.
 */
export interface Exact {
  /** From now on rows are read with these columns. */
  use(columns: readonly ExactColumn[]): void
  /** Reads the columns of these rows of a side, where both stores can. */
  read(side: SideName, rows: readonly unknown[]): Promise<void>
  /** What was read of a row, by the name of the column on its own side. */
  of(side: SideName, row: unknown, name: string): Written | undefined
  /** What was read of a row, by the name of the column on the other side. */
  counterpart(
    side: SideName,
    row: unknown,
    name: string,
  ): { readonly name: string; readonly written: Written } | undefined
  /** Everything that was read of a row, to tell whether it has changed. */
  print(row: unknown): string
}

const AT_ONCE = 2_000

export function createExact(entity: Entity): Exact {
  let columns: readonly ExactColumn[] = []
  const texts = new WeakMap<object, readonly (string | null)[]>()
  const places: Record<SideName, Map<string, number>> = { legacy: new Map(), target: new Map() }

  function at(row: unknown, place: number | undefined): Written | undefined {
    const values = typeof row === 'object' && row !== null ? texts.get(row) : undefined
    const column = place === undefined ? undefined : columns[place]
    if (values === undefined || place === undefined || column === undefined) return undefined
    return { form: column.form, text: values[place] ?? null }
  }

  return {
    use(wanted) {
      const isAble = (store: EntityStore): boolean => store.written !== undefined
      columns = isAble(entity.legacy) && isAble(entity.target) ? wanted : []
      for (const side of ['legacy', 'target'] as const) {
        places[side] = new Map(columns.map((column, place) => [column[side], place]))
      }
    },
    async read(side, rows) {
      const store = entity[side]
      if (columns.length === 0 || rows.length === 0 || store.written === undefined) return
      const wanted = columns.map((column): DigestColumn => ({ ...column, name: column[side] }))
      const keys: Key[] = rows.map((row) => entity.keyOf(side, row))
      const found = new Map<string, WrittenRow>()
      for (let from = 0; from < keys.length; from += AT_ONCE) {
        for (const row of await store.written(keys.slice(from, from + AT_ONCE), wanted))
          found.set(keyText(row.key), row)
      }
      for (const [index, row] of rows.entries()) {
        const values = found.get(keyText(keys[index] as Key))?.values
        if (values !== undefined) texts.set(row as object, values)
      }
    },
    of: (side, row, name) => at(row, places[side].get(name)),
    counterpart(side, row, name) {
      const place = places[otherSide(side)].get(name)
      const written = at(row, place)
      const column = place === undefined ? undefined : columns[place]
      return written === undefined || column === undefined ? undefined : { name: column[side], written }
    },
    print(row) {
      const values = typeof row === 'object' && row !== null ? texts.get(row) : undefined
      return values === undefined ? '' : JSON.stringify(values)
    },
  }
}
