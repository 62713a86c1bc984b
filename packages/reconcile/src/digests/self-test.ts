import { type Entity, type Migration, redact, type SideName } from '@twinspan/core'
import type { ExactColumn } from '../values/exact.ts'

/** Longer than this a test of forms does not take: whoever cannot write some constants in it is in trouble anyway. */
const PATIENCE_MS = 10_000

/** What passed, per start of a migration: what failed may have been an outage, and is tried again. */
const passed = new WeakMap<Migration, Set<string>>()

/** Why these columns' forms cannot be trusted, on either side; `undefined` when both write every probe as they promise. */
export async function troubleWith(
  migration: Migration,
  entity: Entity,
  columns: readonly ExactColumn[],
): Promise<string | undefined> {
  const known = passed.get(migration) ?? new Set()
  passed.set(migration, known)
  const id = JSON.stringify([entity.name, columns])
  if (known.has(id)) return undefined
  for (const side of ['legacy', 'target'] as const) {
    const trouble = await troubleOn(entity, side, columns)
    if (trouble !== undefined) return trouble
  }
  known.add(id)
  return undefined
}

async function troubleOn(entity: Entity, side: SideName, columns: readonly ExactColumn[]): Promise<string | undefined> {
  const store = entity[side]
  if (store.tryForms === undefined) return undefined
  const wanted = columns.map(({ legacy, target, ...column }) => ({
    name: side === 'legacy' ? legacy : target,
    ...column,
  }))
  const patience = AbortSignal.timeout(PATIENCE_MS)
  const tooLong = new Promise<never>((_, reject) => {
    patience.addEventListener('abort', () => reject(patience.reason as Error))
  })
  try {
    const [failure] = await Promise.race([store.tryForms(wanted, { signal: patience }), tooLong])
    return failure === undefined ? undefined : `on ${side}, ${failure.reason}`
  } catch (error) {
    return `on ${side}, its forms could not be tried: ${redact(error)}`
  }
}
