import type { BulkStore } from '@twinspan/core'
import type { TableContext } from '../table-context.ts'
import { holdsKeys } from './holds-keys.ts'
import { insertTexts } from './insert-texts.ts'
import { readTexts } from './read-texts.ts'

/** What a table can do with many rows at once; `undefined` on SQLite, whose rows are here as soon as they are read. */
export function createBulk(context: TableContext): BulkStore | undefined {
  const { engine } = context.database.dialect
  if (engine === 'sqlite') return undefined
  return {
    holdsKeys: (stretch, keys, options) => holdsKeys(context, engine, stretch, keys, options),
    readTexts: (stretch, columns, options) => readTexts(context, engine, stretch, columns, options),
    ...(engine === 'postgres'
      ? { insertTexts: (stretch, texts, columns, options) => insertTexts(context, stretch, texts, columns, options) }
      : {}),
  }
}
