import { type Json, type Migration, type Phase, redact, type Snapshot, within } from '@twinspan/core'
import type { MoveName } from './moves.ts'
import type { Settings } from './options.ts'

/** What a gate may look at. */
export interface GateContext {
  readonly migration: Migration
  readonly snapshot: Snapshot
  readonly from: Phase
  readonly to: Phase | 'drop'
  readonly settings: Settings
  /** How long the gate may wait for what comes by itself: short in a plan. */
  readonly patienceMs: number
}

export interface GateVerdict {
  readonly ok: boolean
  /** What was found, short: it becomes part of error messages. No keys and no values. */
  readonly detail: string
  /** What to do about it, when the gate is closed. */
  readonly advice?: string
  /** The figures behind it. */
  readonly facts?: Json
}

export interface GateResult extends GateVerdict {
  readonly name: string
}

export interface Gate {
  readonly name: string
  check(context: GateContext): Promise<GateVerdict> | GateVerdict
}

/** A condition of the application: no deployment under way, the on-call has confirmed, a report is out. */
export interface CustomGate {
  readonly name: string
  /** The moves that it guards. @default ['cutover', 'fenced-copy'] */
  readonly for?: readonly MoveName[]
  check(migration: Migration): Promise<GateVerdict> | GateVerdict
}

/** Asks every gate, each for at most `gateTimeoutMs`. A gate that throws or hangs is closed. */
export function ask(gates: readonly Gate[], context: GateContext): Promise<readonly GateResult[]> {
  const { gateTimeoutMs } = context.settings
  return Promise.all(
    gates.map(async (gate): Promise<GateResult> => {
      try {
        const verdict = await within(gateTimeoutMs + context.patienceMs, `Gate ${gate.name}`, async () =>
          gate.check(context),
        )
        return { name: gate.name, ...verdict }
      } catch (error) {
        return {
          name: gate.name,
          ok: false,
          detail: `could not be checked: ${redact(error)}`,
          advice: 'Check that both databases and the store answer, then ask again.',
        }
      }
    }),
  )
}

/** One verdict over all entities: closed when one of them closes it, and then the detail speaks of those alone. */
export async function forEachEntity(
  context: GateContext,
  check: (entity: Migration['entities'][number]) => Promise<GateVerdict>,
): Promise<GateVerdict> {
  const verdicts: (GateVerdict & { readonly entity: string })[] = []
  for (const entity of context.migration.entities) verdicts.push({ entity: entity.name, ...(await check(entity)) })
  const closed = verdicts.filter((verdict) => !verdict.ok)
  const told = closed.length > 0 ? closed : verdicts
  const advice = closed.find((verdict) => verdict.advice !== undefined)?.advice
  return {
    ok: closed.length === 0,
    detail: told.map(({ entity, detail }) => `${entity}: ${detail}`).join('; '),
    ...(advice === undefined ? {} : { advice }),
    facts: Object.fromEntries(verdicts.map(({ entity, facts = null }) => [entity, facts])),
  }
}
