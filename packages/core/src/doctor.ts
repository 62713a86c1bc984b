import type { CaptureMode } from './capture-modes.ts'
import { captured } from './checks.ts'
import { InvalidOptionError, redact } from './errors.ts'
import type { Migration } from './migration.ts'
import { PHASES, type Phase, PLANS, type SideName } from './phases.ts'
import { isRefusal } from './road.ts'
import type { CapturedEntity } from './side.ts'
import { within } from './time.ts'

/** What an adapter is asked to look at. */
export interface Examination {
  readonly entities: readonly CapturedEntity[]
  readonly capture: CaptureMode
}

/** Something about a database that makes a migration lose its footing. Never holds rows, keys or credentials. */
export interface SideFinding {
  /** What `acceptRisks` calls it: `'read-only'`, `'fsync'`, ... */
  readonly name: string
  /** `'refuse'`: a step forward into one of `refuses` is not taken. `'warn'`: somebody should know. */
  readonly severity: 'refuse' | 'warn'
  /** One sentence, without the full stop: it becomes part of error messages. */
  readonly detail: string
  /** The phases that the finding makes unsafe. @default every phase, where the severity is `'refuse'` */
  readonly refuses?: readonly Phase[]
}

export interface DoctorFinding extends SideFinding {
  readonly side: SideName
}

/** The phases in which a migration writes to a side's tables, or to its journal. */
export function phasesThatWrite(side: SideName): readonly Phase[] {
  return PHASES.filter((phase) => {
    const { primary, mirrorsTo } = PLANS[phase]
    return phase !== 'off' && (primary === side || mirrorsTo === side)
  })
}

/** The phases in which a side's own writes are captured. */
export function phasesThatCapture(side: SideName): readonly Phase[] {
  return PHASES.filter((phase) => PLANS[phase].captures && PLANS[phase].primary === side)
}

/** Looks at both sides, each for no longer than `timeoutMs`. A side that does not answer is a finding, not an error. */
export async function examine(migration: Migration, timeoutMs: number): Promise<readonly DoctorFinding[]> {
  const found = await Promise.all(
    (['legacy', 'target'] as const).map(async (side): Promise<readonly DoctorFinding[]> => {
      const findings = await within(timeoutMs, `The examination of ${side}`, () => examineSide(migration, side)).catch(
        (error: unknown): readonly SideFinding[] => [
          { name: 'not-examined', severity: 'warn', detail: `it could not be examined (${redact(error)})` },
        ],
      )
      return findings.map((finding) => ({ side, ...finding }))
    }),
  )
  return found.flat()
}

/** What every adapter can be asked, and what this one knows about itself. */
async function examineSide(migration: Migration, side: SideName): Promise<readonly SideFinding[]> {
  const bound = migration.sides[side]
  const entities = captured(migration.entities, side)
  const findings: SideFinding[] = []
  for (const { store } of entities) {
    await store.check?.().catch((error: unknown) => {
      if (!isRefusal(error)) throw error
      findings.push({ name: 'tables', severity: 'refuse', detail: redact(error).replace(/\.$/, '') })
    })
  }
  if (findings.length > 0) return findings
  const capture = migration.capture[side]
  if (capture === 'trigger' && phasesThatCapture(side).includes(migration.snapshot.phase)) {
    const missing = await bound.capture.verify(entities)
    if (missing.length > 0) {
      const detail = `${missing.length} capture triggers are missing or altered, so writes may have passed by the journal`
      findings.push({ name: 'capture-triggers', severity: 'refuse', detail })
    }
  }
  findings.push(...((await bound.examine?.({ entities, capture })) ?? []))
  return findings
}

/** What stands in the way of a step forward to `to`, and what would if the risk had not been accepted. */
export function verdictOn(
  to: Phase,
  findings: readonly DoctorFinding[],
  acceptRisks: readonly string[],
): { readonly refusing: readonly DoctorFinding[]; readonly accepted: readonly DoctorFinding[] } {
  const unsafe = findings.filter(({ severity, refuses }) => severity === 'refuse' && (refuses ?? PHASES).includes(to))
  return {
    refusing: unsafe.filter(({ name }) => !acceptRisks.includes(name)),
    accepted: unsafe.filter(({ name }) => acceptRisks.includes(name)),
  }
}

export function risksOption(value: readonly string[] | undefined): readonly string[] {
  if (value === undefined) return []
  if (!Array.isArray(value) || value.some((name) => typeof name !== 'string' || name === '')) {
    throw new InvalidOptionError('acceptRisks', value, 'names of findings')
  }
  return value
}
