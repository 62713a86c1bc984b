import type { TwinspanEvent } from './events.ts'

/** One figure for one instrument. Attribute values come from closed sets: never a key, a value, an e-mail or a hash. */
export interface Measurement {
  readonly instrument: keyof typeof INSTRUMENTS
  readonly value: number
  readonly attributes: Readonly<Record<string, string>>
}

/** Every instrument: its kind and its unit. `docs/telemetry.md` is the page for people. */
export const INSTRUMENTS = {
  'twinspan.writes': { kind: 'counter', unit: '{write}' },
  'twinspan.capture.gaps': { kind: 'counter', unit: '{write}' },
  'twinspan.mirror.duration': { kind: 'histogram', unit: 'ms' },
  'twinspan.mirror.batch.size': { kind: 'histogram', unit: '{row}' },
  'twinspan.mirror.inflight': { kind: 'gauge', unit: '{batch}' },
  'twinspan.journal.depth': { kind: 'gauge', unit: '{row}' },
  'twinspan.journal.oldest_age': { kind: 'gauge', unit: 'ms' },
  'twinspan.journal.parked': { kind: 'counter', unit: '{row}' },
  'twinspan.journal.parked_rows': { kind: 'gauge', unit: '{row}' },
  'twinspan.reads': { kind: 'counter', unit: '{read}' },
  'twinspan.read.duration': { kind: 'histogram', unit: 'ms' },
  'twinspan.shadow': { kind: 'counter', unit: '{read}' },
  'twinspan.shadow.control': { kind: 'counter', unit: '{read}' },
  'twinspan.rehearsal': { kind: 'counter', unit: '{write}' },
  'twinspan.backfill.rows': { kind: 'gauge', unit: '{row}' },
  'twinspan.backfill.eta': { kind: 'gauge', unit: 'ms' },
  'twinspan.reconcile.compared': { kind: 'counter', unit: '{row}' },
  'twinspan.reconcile.mismatched': { kind: 'counter', unit: '{row}' },
  'twinspan.reconcile.parity': { kind: 'gauge', unit: '1' },
  'twinspan.rollout.percent': { kind: 'gauge', unit: '%' },
  'twinspan.rollout.epoch': { kind: 'gauge', unit: '1' },
  'twinspan.rollout.kills': { kind: 'counter', unit: '{kill}' },
  'twinspan.rollout.decisions': { kind: 'counter', unit: '{decision}' },
  'twinspan.rollout.state.age': { kind: 'gauge', unit: 'ms' },
  'twinspan.rollout.guard.evidence': { kind: 'gauge', unit: '1' },
  'twinspan.rollout.breaker.trips': { kind: 'counter', unit: '{trip}' },
  'twinspan.auth.verdicts': { kind: 'counter', unit: '{login}' },
  'twinspan.auth.findings': { kind: 'counter', unit: '{finding}' },
  'twinspan.auth.remaining': { kind: 'gauge', unit: '{user}' },
  'twinspan.phase': { kind: 'gauge', unit: '{epoch}' },
  'twinspan.switch.duration': { kind: 'histogram', unit: 'ms' },
  'twinspan.legacy.denied_writes': { kind: 'gauge', unit: '{write}' },
  'twinspan.unreachable': { kind: 'counter', unit: '{loss}' },
} as const

/** What an event means in figures. */
export function measurementsOf(event: TwinspanEvent): readonly Measurement[] {
  switch (event.type) {
    case 'write':
      return [one('twinspan.writes', 1, { 'twinspan.entity': event.entity, failed_on: event.failedOn })]
    case 'capture-gap':
      return [one('twinspan.capture.gaps', 1, { 'twinspan.entity': event.entity })]
    case 'mirror-batch':
      return [
        one('twinspan.mirror.duration', event.durationMs, { outcome: event.outcome }),
        one('twinspan.mirror.batch.size', event.rows),
      ]
    case 'mirror-inflight':
      return [one('twinspan.mirror.inflight', event.batches)]
    case 'journal':
      return [
        one('twinspan.journal.depth', event.depth, { side: event.side }),
        one('twinspan.journal.oldest_age', event.oldestAgeMs, { side: event.side }),
        one('twinspan.journal.parked_rows', event.parked, { side: event.side }),
      ]
    case 'parked':
      return [one('twinspan.journal.parked', event.rows, { 'twinspan.entity': event.entity, class: event.class })]
    case 'read':
      return [one('twinspan.reads', 1, { 'twinspan.entity': event.entity, side: event.side, why: event.why })]
    case 'read-outcome':
      return [
        one('twinspan.read.duration', event.durationMs, {
          'twinspan.entity': event.entity,
          side: event.side,
          ok: String(event.ok),
        }),
      ]
    case 'shadow-read':
      return [
        one('twinspan.shadow', 1, { 'twinspan.entity': event.entity, outcome: event.outcome }),
        ...(event.control === undefined
          ? []
          : [one('twinspan.shadow.control', 1, { 'twinspan.entity': event.entity, outcome: event.control })]),
      ]
    case 'rehearsal':
      return [one('twinspan.rehearsal', 1, { 'twinspan.entity': event.entity, outcome: event.outcome })]
    case 'backfill':
      return [
        one('twinspan.backfill.rows', event.rows, { 'twinspan.entity': event.entity }),
        ...(event.etaMs === null
          ? []
          : [one('twinspan.backfill.eta', event.etaMs, { 'twinspan.entity': event.entity })]),
      ]
    case 'compared':
      return [
        one('twinspan.reconcile.compared', event.compared, { 'twinspan.entity': event.entity }),
        one('twinspan.reconcile.mismatched', event.mismatched, { 'twinspan.entity': event.entity }),
        one('twinspan.reconcile.parity', event.parity, { 'twinspan.entity': event.entity }),
      ]
    case 'rollout':
      return [one('twinspan.rollout.percent', Number(event.percent)), one('twinspan.rollout.epoch', event.epoch)]
    case 'kill':
      return [one('twinspan.rollout.kills', 1)]
    case 'rollout-decisions':
      return [one('twinspan.rollout.decisions', event.count, { side: event.side, reason: event.reason })]
    case 'rollout-age':
      return [one('twinspan.rollout.state.age', event.ageMs)]
    case 'guard':
      // As a share of what kills: 1 is the end, whatever the run length is.
      return [
        one('twinspan.rollout.guard.evidence', Math.max(0, event.strength / event.needed), {
          tier: event.tier,
          signal: event.signal,
        }),
      ]
    case 'breaker':
      return event.open ? [one('twinspan.rollout.breaker.trips', 1)] : []
    case 'auth':
      return [
        one('twinspan.auth.verdicts', 1, {
          via: event.via,
          scheme: event.scheme,
          upgraded: String(event.upgraded),
          outcome: event.outcome,
        }),
      ]
    case 'auth-finding':
      return [
        one('twinspan.auth.findings', 1, {
          finding: event.finding,
          side: event.side,
          ...(event.scheme === undefined ? {} : { scheme: event.scheme }),
        }),
      ]
    case 'auth-remaining':
      return [one('twinspan.auth.remaining', event.users, { scheme: event.scheme })]
    case 'phase':
      return [one('twinspan.phase', event.epoch, { phase: event.phase })]
    case 'switch':
      return [one('twinspan.switch.duration', event.durationMs, { step: event.step, ok: String(event.ok) })]
    case 'denied-writes':
      return [one('twinspan.legacy.denied_writes', event.writes)]
    case 'reachable':
      return event.reachable ? [] : [one('twinspan.unreachable', 1, { what: event.what })]
    case 'doctor':
    case 'stale':
    case 'rollout-stale':
    case 'blast-radius':
    case 'dirty':
    case 'mirrored':
      return []
  }
}

function one(
  instrument: Measurement['instrument'],
  value: number,
  attributes: Readonly<Record<string, string>> = {},
): Measurement {
  return { instrument, value, attributes }
}
