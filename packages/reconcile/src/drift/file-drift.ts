import type { Finding } from './finding.ts'
import type { FindingBook } from './findings.ts'
import type { Repair } from './repair.ts'
import type { Drift } from './suspects.ts'

/** Hands keys that drifted to the repair, makes findings of them and keeps these. */
export async function fileDrift(
  drifts: readonly Drift[],
  repair: Repair,
  book: FindingBook,
): Promise<readonly Finding[]> {
  if (drifts.length === 0) return []
  const marked = await repair.mark(drifts)
  const findings = drifts.map((drift) => {
    const finding = book.finding(drift, marked.has(drift))
    if (finding.marked) repair.watch(drift.key, finding)
    return finding
  })
  await book.store(findings)
  return findings
}
