import { type Key, keyText, PhaseRefusedError } from '@twinspan/core'
import type { Comparison } from '../comparison.ts'
import { pause } from '../pause.ts'
import type { Finding } from './finding.ts'
import { lookAt } from './look.ts'
import type { Drift } from './suspects.ts'

/** Mends drift in the one way there is: the key is marked, and the mirror re-reads it. */
export interface Repair {
  /** Marks what there is room for, and says which keys that were. */
  mark(drifts: readonly Drift[]): Promise<ReadonlySet<Drift>>
  /** Remembers a marked finding for the verification. */
  watch(key: Key, finding: Finding): void
  /** Looks at the marked keys again until they agree or the delays are used up. Returns those that agree. */
  verify(): Promise<readonly Finding[]>
}

const LOOK_AT_ONCE = 500

/** @throws PhaseRefusedError in a phase without a mirror: nobody would mend what is marked */
export function createRepair(comparison: Comparison, limit: number): Repair {
  const { migration, entity, primary, secondary, settings } = comparison
  const { phase, plan } = migration.snapshot
  if (limit > 0 && plan.mirrorsTo !== secondary) {
    throw new PhaseRefusedError(
      migration.name,
      phase,
      'dual-write',
      'repairs need the mirror, which is not at work in this phase',
    )
  }
  const watched = new Map<string, { readonly key: Key; readonly finding: Finding }>()
  let marked = 0

  return {
    async mark(drifts) {
      const batch = drifts.slice(0, Math.max(0, limit - marked))
      if (batch.length === 0) return new Set()
      marked += batch.length
      const keys = batch.map(({ key }) => keyText(key))
      await migration.sides[primary].journal.mark(keys.map((key) => ({ entity: entity.name, key })))
      migration.events.emit({ type: 'dirty', entity: entity.name, keys })
      return new Set(batch)
    },
    watch(key, finding) {
      watched.set(keyText(key), { key, finding })
    },
    async verify() {
      const agreed: Finding[] = []
      let waited = 0
      for (const at of settings.recheckMs) {
        if (watched.size === 0) break
        await pause(comparison, at - waited)
        waited = at
        const keys = Array.from(watched.values(), ({ key }) => key)
        for (let from = 0; from < keys.length; from += LOOK_AT_ONCE) {
          const looks = await lookAt(comparison, keys.slice(from, from + LOOK_AT_ONCE))
          for (const [text, look] of looks) {
            const entry = watched.get(text)
            if (look.difference !== null || entry === undefined) continue
            agreed.push(entry.finding)
            watched.delete(text)
          }
        }
      }
      return agreed
    },
  }
}
