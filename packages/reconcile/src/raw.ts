import { type Entity, InvalidOptionError } from '@twinspan/core'

type Columns = Readonly<Record<string, string>>

/** The pairs of columns that are compared without the translation, legacy → target; `undefined` where it is used. */
export function rawColumns(
  entity: Entity,
  raw: boolean | Columns | undefined,
  repair: boolean | undefined,
): Columns | undefined {
  if (raw === undefined || raw === false) return undefined
  const columns = raw === true ? entity.columns : raw
  const where = `entity "${entity.name}"`
  if (columns === undefined || Object.keys(columns).length === 0) {
    throw new InvalidOptionError(
      'raw',
      raw,
      "columns by legacy's and target's names, or an entity that names them",
      where,
    )
  }
  if (new Set(Object.values(columns)).size !== Object.keys(columns).length) {
    throw new InvalidOptionError('raw', raw, 'every target column once', where)
  }
  // The mirror would write what the translation gives, once more.
  if (repair === true) throw new InvalidOptionError('repair', true, 'false with `raw`', where)
  return columns
}
