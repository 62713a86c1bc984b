import type { ColumnFacts } from './catalog.ts'
import type { Database } from './database.ts'

/** Columns by the names that the application's plugins give them in rows. */
export async function logicalNames(
  { app }: Database,
  columns: readonly ColumnFacts[],
): Promise<ReadonlyMap<string, ColumnFacts>> {
  const named = new Map<string, ColumnFacts>()
  const { plugins } = app.getExecutor()
  for (const column of columns) {
    let rows: readonly Record<string, unknown>[] = [{ [column.name]: null }]
    for (const plugin of plugins) {
      const result = await plugin.transformResult({ queryId: { queryId: 'twinspan' }, result: { rows: [...rows] } })
      rows = result.rows
    }
    named.set(Object.keys(rows[0] ?? {})[0] ?? column.name, column)
  }
  return named
}
