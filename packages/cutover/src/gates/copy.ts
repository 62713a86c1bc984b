import { PLANS, readBackfillRecord, readSweepRecord, type SweepRecord } from '@twinspan/core'
import { forEachEntity, type Gate, type GateContext, type GateVerdict } from '../gate.ts'

/** History is on the target. */
export const backfillGate: Gate = {
  name: 'backfill-done',
  check: (context) =>
    forEachEntity(context, async ({ name }) => {
      const found = await readBackfillRecord(context.migration.store, name)
      const record = found?.record
      const advice = `Run backfill(migration, ${name}) to its end.`
      if (record === undefined) return { ok: false, detail: 'not begun', advice }
      if (record.incarnation !== context.snapshot.incarnation)
        return { ok: false, detail: 'done in an earlier attempt only', advice }
      const facts = { rows: record.rows, inserted: record.inserted, quarantined: record.quarantined }
      if (!record.done) return { ok: false, detail: `at ${record.rows} rows`, advice, facts }
      return { ok: true, detail: `${record.rows} rows`, facts }
    }),
}

/** Every row of both sides was compared after the last repair and the backfill, and nothing differed. */
export const sweepGate: Gate = {
  name: 'full-sweep',
  check: (context) =>
    forEachEntity(context, async ({ name }) => {
      const { migration, snapshot } = context
      const record = await readSweepRecord(migration.store, name)
      const backfill = await readBackfillRecord(migration.store, name)
      const advice = `Run reconcile.sweep(migration, ${name}) to its end, until it finds nothing.`
      const closed = (detail: string): GateVerdict => ({ ok: false, detail, advice })
      if (record === undefined) return closed('never swept')
      if (record.incarnation !== snapshot.incarnation) return closed('swept in an earlier attempt only')
      if (record.primary !== 'legacy') return closed('swept only while target was the primary')
      if (backfill?.record.incarnation === snapshot.incarnation && record.startedAt < backfill.record.updatedAt) {
        return closed('last swept before the backfill ended')
      }
      return { advice, ...clean(record, context.settings, migration.now()) }
    }),
}

function clean(
  record: SweepRecord,
  { minParity, maxSweepAgeMs }: { readonly minParity: number; readonly maxSweepAgeMs: number },
  now: number,
): GateVerdict {
  const { rows, drift, undecided, repaired, parity, lowerBound95 } = record
  const facts = { rows, drift, undecided, repaired, parity, lowerBound95, finishedAt: record.finishedAt }
  if (drift > 0) {
    const mended = repaired > 0 ? `, ${repaired} of them repaired since` : ''
    return { ok: false, detail: `${drift} of ${rows} rows differed${mended}`, facts }
  }
  if (parity < minParity || lowerBound95 < minParity) {
    return {
      ok: false,
      detail: `parity ${lowerBound95} with ${undecided} of ${rows} rows undecided, ${minParity} asked`,
      facts,
    }
  }
  const ageMs = now - record.finishedAt
  if (ageMs > maxSweepAgeMs) return { ok: false, detail: `last swept ${Math.round(ageMs / 60_000)} minutes ago`, facts }
  return { ok: true, detail: `${rows} rows, parity ${parity}`, facts }
}

/**
 * Entities whose coming primary is opaque and takes copies in whatever order they arrive, and that no clean sweep has found
 * equal since the current primary is one.
 */
function unguardedEntities(
  { migration, snapshot, to }: GateContext,
  sweeps: ReadonlyMap<string, SweepRecord | undefined>,
): readonly string[] {
  const { primary, mirrorsTo } = PLANS[snapshot.phase]
  const coming = mirrorsTo === null || to === 'complete' ? undefined : migration.sides[mirrorsTo]
  if (coming?.opaque?.guard !== 'none') return []
  const isSwept = (sweep: SweepRecord | undefined): boolean =>
    sweep?.drift === 0 &&
    sweep.undecided === 0 &&
    sweep.incarnation === snapshot.incarnation &&
    sweep.primary === primary &&
    (primary === 'legacy' || sweep.epoch >= snapshot.epoch)
  return [...sweeps].filter(([, sweep]) => !isSwept(sweep)).map(([entity]) => entity)
}

/** No write went uncaptured since the last clean sweep began. */
export const gapsGate: Gate = {
  name: 'no-capture-gaps',
  async check(context) {
    const { migration, settings } = context
    const gaps = await migration.store.findings({ kind: 'capture-gap', limit: 1_000 })
    const sweeps = new Map<string, SweepRecord | undefined>()
    for (const { name } of migration.entities) sweeps.set(name, await readSweepRecord(migration.store, name))
    const open = gaps.filter((gap) => {
      const sweep = sweeps.get(gap.entity)
      const swept = sweep?.drift === 0 && sweep.incarnation === context.snapshot.incarnation
      return !swept || sweep.startedAt <= gap.at + settings.clockSkewMs
    })
    const unguarded = unguardedEntities(context, sweeps)
    if (open.length === 0 && unguarded.length > 0) {
      return {
        ok: false,
        detail: `not swept clean in this direction, and nothing refuses a late copy: ${unguarded.join(', ')}`,
        advice:
          "Run a full sweep of these entities, or give their stores a version guard (opaqueSide, guard: 'version').",
      }
    }
    if (open.length === 0)
      return { ok: true, detail: gaps.length === 0 ? 'no gap' : `${gaps.length} gaps, all swept since` }
    const where = [...new Set(open.map((gap) => gap.entity))].join(', ')
    return {
      ok: false,
      detail: `${open.length} uncaptured ${open.length === 1 ? 'write' : 'writes'} in ${where}`,
      advice: 'Run a full sweep of these entities that begins now.',
    }
  },
}
