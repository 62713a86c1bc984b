import { compareImages } from '../audit/compare.ts'
import { checkLedger } from '../audit/ledger-check.ts'
import { readLegacyImages } from '../audit/legacy-images.ts'
import { readTargetImages } from '../audit/target-images.ts'
import { type LedgerEntry, readLedger, type Written } from '../traffic/ledger.ts'
import type { TrafficSummary, WriteTime } from '../traffic/stats.ts'
import { failuresOf, type Report, type StepTime } from './report.ts'
import type { Stage, Step } from './stage.ts'

/** Asks the two databases and the users' ledger, none of which ever heard of the library, how it went. */
export async function judge(stage: Stage, traffic: TrafficSummary): Promise<Report> {
  const { paths, target, screen, steps, kills, frozenAt } = stage
  const legacy = readLegacyImages(paths.legacy)
  const now = await readTargetImages(target.url)
  const entries = readLedger(paths.ledger)
  const ledger = checkLedger(entries, (entity, key) => (now[entity].get(key) as Written | undefined) ?? null)
  // A write that was answered after legacy froze may be on the target alone: only the ledger can judge it.
  const later = new Set(entries.filter((entry) => entry.answered >= frozenAt).map(keyOf))
  const comparison = compareImages(legacy, now, (entity, key) => later.has(`${entity} ${key}`))
  const slowest = traffic.writes.reduce((a, b) => (b.ms > a.ms ? b : a), { answered: 0, ms: 0 })
  const { writes, ...counts } = traffic
  const report: Omit<Report, 'ok' | 'failures'> = {
    acknowledgedWrites: ledger.acknowledged,
    lost: ledger.lost.length,
    lostWrites: ledger.lost,
    rowsCompared: comparison.compared,
    rowsWrittenAfterFreeze: comparison.skipped,
    differing: comparison.differing.length,
    differences: comparison.differing,
    userErrors: traffic.errors,
    longestWritePauseMs: slowest.ms,
    longestWritePauseIn: steps.find((step) => within(step, slowest))?.name ?? '-',
    logins: traffic.logins,
    loginsUpgraded: traffic.upgraded,
    refusedLogins: traffic.refusedLogins,
    staleReads: traffic.staleReads,
    requests: traffic.requests,
    kills,
    steps: steps.map((step) => timeOf(step, writes)),
    seconds: screen.elapsed,
    traffic: counts,
  }
  const failures = failuresOf(report)
  return { ok: failures.length === 0, failures, ...report }
}

function keyOf({ entity, key }: LedgerEntry): string {
  return `${entity} ${key}`
}

function within({ from, to }: Step, { answered }: WriteTime): boolean {
  return answered >= from && answered < to
}

function timeOf(step: Step, writes: readonly WriteTime[]): StepTime {
  const during = writes.filter((write) => within(step, write))
  return {
    phase: step.phase,
    step: step.name,
    seconds: (step.to - step.from) / 1000,
    acknowledgedWrites: during.length,
    slowestWriteMs: during.reduce((max, { ms }) => Math.max(max, ms), 0),
  }
}
