import {
  copyOptions,
  type Entity,
  type Key,
  type Migration,
  scanKeys,
  TwinspanError,
  translateRow,
} from '@twinspan/core'
import { isSameRow } from './same-row.ts'

const PAGE = 500

export interface CopyRun {
  readonly migration: Migration
  readonly entity: Entity
  readonly epoch: number
  readonly signal: AbortSignal
  /** How long one transaction may take at most. */
  leftMs(): number
}

/** Removes what an earlier attempt left on the target, so that a copy only inserts. */
export async function emptyTarget({ migration, entity, epoch, signal, leftMs }: CopyRun): Promise<void> {
  for (;;) {
    signal.throwIfAborted()
    const keys = await scanKeys(entity, 'target', { limit: PAGE })
    if (keys.length === 0) return
    await migration.sides.target.copy({ stripes: [], epoch, timeoutMs: leftMs() }, (copy) =>
      entity.target.remove(keys, copyOptions(copy)),
    )
  }
}

/** Copies the rows of legacy in key order, a page to a transaction. @returns how many there were */
export async function copyEntity(
  run: CopyRun,
  { atMost = Number.POSITIVE_INFINITY }: { readonly atMost?: number } = {},
): Promise<number> {
  const { migration, entity, epoch, signal, leftMs } = run
  let rows = 0
  for await (const page of pagesOf(run, atMost)) {
    const translated = page.flatMap((row) => translateRow(entity, 'legacy', row) ?? [])
    rows += page.length
    if (translated.length === 0) continue
    signal.throwIfAborted()
    await migration.sides.target.copy({ stripes: [], epoch, timeoutMs: leftMs() }, (copy) =>
      entity.target.save(translated, copyOptions(copy)),
    )
  }
  return rows
}

export interface Compared {
  /** Rows that the target should hold. */
  readonly expected: number
  /** Of them: absent, or not as they were written. */
  readonly different: number
  /** Rows that the target holds. */
  readonly held: number
}

/** Reads both sides to their end and compares row by row. While users write, a difference means nothing. */
export async function compareEntity(
  run: CopyRun,
  { atMost = Number.POSITIVE_INFINITY }: { readonly atMost?: number } = {},
): Promise<Compared> {
  const { entity } = run
  let expected = 0
  let different = 0
  for await (const page of pagesOf(run, atMost)) {
    const translated = page.flatMap((row) => translateRow(entity, 'legacy', row) ?? []) as object[]
    expected += translated.length
    const keys = translated.map((row) => entity.keyOf('target', row))
    const found = new Map<string, object>()
    if (keys.length > 0)
      for (const row of await entity.target.load(keys)) found.set(entity.keyTextOf('target', row), row as object)
    different += translated.filter((row) => {
      const held = found.get(entity.keyTextOf('target', row))
      return held === undefined || !isSameRow(row, held)
    }).length
  }
  return { expected, different, held: await countTarget(run) }
}

/** @throws TwinspanError with the figures where the sides are not alike */
export async function verifyEntity(run: CopyRun): Promise<void> {
  const { expected, different, held } = await compareEntity(run)
  if (different === 0 && held === expected) return
  throw new TwinspanError(
    'TWINSPAN_CUTOVER_ABORTED',
    `${different} of ${expected} rows of "${run.entity.name}" do not read back from the target as they were written, and it holds ${held}`,
  )
}

async function countTarget({ entity, signal }: CopyRun): Promise<number> {
  let rows = 0
  let after: Key | undefined
  for (;;) {
    signal.throwIfAborted()
    const keys = await scanKeys(entity, 'target', after === undefined ? { limit: PAGE } : { after, limit: PAGE })
    rows += keys.length
    if (keys.length < PAGE) return rows
    after = keys.at(-1) as Key
  }
}

async function* pagesOf({ entity, signal }: CopyRun, atMost: number): AsyncGenerator<readonly unknown[]> {
  let after: Key | undefined
  for (let left = atMost; left > 0; ) {
    signal.throwIfAborted()
    const limit = Math.min(PAGE, left)
    const rows = await entity.legacy.scan(after === undefined ? { limit } : { after, limit })
    if (rows.length > 0) yield rows
    if (rows.length < limit) return
    left -= rows.length
    after = entity.keyOf('legacy', rows.at(-1))
  }
}
