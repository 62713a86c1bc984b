import { type FenceRow, type Migration, otherSide, PLANS, readBackfillRecord, readSweepRecord } from '@twinspan/core'
import { CertificateRefusedError } from '../errors.ts'
import { ask, type GateContext, type GateResult } from '../gate.ts'
import { captureGate } from '../gates/capture.ts'
import { gapsGate } from '../gates/copy.ts'
import { doctorGate } from '../gates/doctor.ts'
import { parkedGate } from '../gates/journal.ts'
import { fencesGate, leasesGate } from '../gates/road.ts'
import type { Settings } from '../options.ts'
import { CERTIFICATE_FORMAT, type Certificate, type CertifiedEntity } from './certificate.ts'
import { type KeyLike, privateKeyOf, signClaims } from './sign.ts'

export interface CertificateOptions {
  /** An Ed25519 private key: a `KeyObject`, or PEM (PKCS #8). */
  readonly privateKey: KeyLike
  /** How long to wait for a moment in which the journal is empty. @default 5_000 */
  readonly patienceMs?: number
}

const GATES = [fencesGate, leasesGate, doctorGate, captureGate, parkedGate, gapsGate]
const LOOK_MS = 10

/** Looks at everything that a certificate says, and signs it. */
export async function certify(
  migration: Migration,
  settings: Settings,
  { privateKey, patienceMs }: Required<CertificateOptions>,
): Promise<Certificate> {
  const key = privateKeyOf(privateKey)
  const snapshot = await migration.refresh()
  const { phase, epoch, incarnation, plan } = snapshot
  const reasons: string[] = []
  const refuse = (): never => {
    throw new CertificateRefusedError(migration.name, reasons)
  }
  if (plan.mirrorsTo === null) {
    reasons.push(`in ${phase} nothing is mirrored, so the sides are not kept alike`)
    return refuse()
  }
  const context: GateContext = {
    migration,
    snapshot,
    from: phase,
    to: phase,
    settings,
    patienceMs: Math.min(patienceMs, 1_500),
  }
  const gates = await ask(GATES, context)
  reasons.push(...gates.filter(({ ok }) => !ok).map(({ name, detail }) => `${name}: ${detail}`))
  const entities: CertifiedEntity[] = []
  for (const { name } of migration.entities) {
    const sweep = await lastCleanSweep(migration, settings, name)
    if (typeof sweep === 'string') reasons.push(`${name}: ${sweep}`)
    else entities.push(sweep)
  }
  const seen = await whenEmpty(migration, patienceMs)
  if (typeof seen === 'string') reasons.push(seen)
  if (typeof seen === 'string' || reasons.length > 0) return refuse()
  // Everything above was looked at in this epoch: what is decided meanwhile makes it another one.
  if (seen.row.epoch !== epoch || seen.row.incarnation !== incarnation || !seen.row.open) {
    reasons.push('the phase has changed meanwhile')
    return refuse()
  }
  return signClaims(
    {
      format: CERTIFICATE_FORMAT,
      migration: migration.name,
      incarnation,
      epoch,
      phase,
      primary: plan.primary,
      at: seen.now,
      journal: 0,
      parked: 0,
      gaps: 0,
      entities,
      gates: gates.map(({ name, ok, detail }: GateResult) => ({ name, ok, detail })),
      versions: { node: process.version, legacy: migration.sides.legacy.engine, target: migration.sides.target.engine },
    },
    key,
  )
}

/** The record of the last full sweep, or why it does not count. */
async function lastCleanSweep(
  migration: Migration,
  { maxSweepAgeMs }: Settings,
  name: string,
): Promise<CertifiedEntity | string> {
  const { incarnation, plan } = migration.snapshot
  const sweep = await readSweepRecord(migration.store, name)
  if (sweep === undefined || sweep.incarnation !== incarnation) return 'never swept in this attempt'
  if (sweep.primary !== plan.primary) return `last swept while ${sweep.primary} was the primary`
  if (sweep.drift > 0 || sweep.undecided > 0)
    return `${sweep.drift} rows differed in the last sweep, ${sweep.undecided} were undecided`
  const backfill = await readBackfillRecord(migration.store, name)
  if (backfill?.record.incarnation === incarnation) {
    if (!backfill.record.done) return 'the backfill has not ended'
    if (sweep.startedAt < backfill.record.updatedAt) return 'last swept before the backfill ended'
  }
  const ageMs = migration.now() - sweep.finishedAt
  if (ageMs > maxSweepAgeMs) return `last swept ${Math.round(ageMs / 60_000)} minutes ago`
  const { rows, startedAt, finishedAt, epoch, parity, lowerBound95, digest = null } = sweep
  return { entity: name, rows, startedAt, finishedAt, epoch, parity, lowerBound95, digest }
}

/** The primary's fence row and clock at a moment in which its journal was empty, or what was left. */
async function whenEmpty(
  migration: Migration,
  patienceMs: number,
): Promise<{ readonly row: FenceRow; readonly now: number } | string> {
  const { primary } = PLANS[migration.snapshot.phase]
  const { journal, fence } = migration.sides[primary]
  const until = migration.now() + patienceMs
  for (;;) {
    // The clock first: a write that comes after it may be in the journal, never one that came before it.
    const found = await fence.read()
    const { depth, parked } = await journal.stats()
    if (found !== undefined && depth === 0) return found
    if (found === undefined) return `the fence of ${primary} cannot be read`
    if (parked > 0 || migration.now() >= until)
      return `${depth} ${depth === 1 ? 'key is' : 'keys are'} dirty on ${primary}: ${otherSide(primary)} may differ in them`
    await migration.sleep(LOOK_MS)
  }
}
