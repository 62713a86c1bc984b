import {
  InvalidOptionError,
  type Json,
  type Migration,
  NotStartedError,
  type Rollout,
  type RolloutKill,
  RolloutKilledError,
  type RolloutScope,
  stands,
} from '@twinspan/core'
import type { Edit } from './change.ts'
import { scopeConflict } from './view.ts'

/** Every way in which a rollout changes. An edit gets what is stored and returns what shall be. */
export interface Edits {
  /** `from`: only when that is what is stored. */
  percent(percent: string, from: string | undefined): Edit
  kill(actor: string, reason: string, evidence: Json | undefined): Edit
  /** `isLost`: the store has forgotten the kill that is lifted. */
  rearm(percent: string, isLost: boolean): Edit
  lists(lists: Partial<Pick<Rollout, 'allow' | 'deny' | 'tenants'>>): Edit
}

export function createEdits(migration: Migration, scope: RolloutScope): Edits {
  function here(): Pick<Rollout, 'since' | 'phase' | 'epoch' | 'incarnation'> {
    const { phase, epoch, incarnation } = migration.snapshot
    return { since: migration.now(), phase, epoch, incarnation }
  }

  function fresh(): Rollout {
    return { percent: '0', ...here(), killed: null, allow: [], deny: [], tenants: {}, begun: 0, scope }
  }

  function known(): void {
    // A percentage belongs to an attempt and a phase, and this process knows neither yet.
    if (migration.snapshot.incarnation === '') throw new NotStartedError(migration.name)
  }

  return {
    percent(percent, from) {
      known()
      return (stored) => {
        if (stored === undefined) return from === undefined ? { ...fresh(), percent } : undefined
        if (stored.killed !== null)
          throw new RolloutKilledError(migration.name, stored.killed.actor, stored.killed.reason)
        if (from !== undefined && (stored.percent !== from || !stands(stored, migration.snapshot))) return undefined
        refuseOtherScope(migration, stored, scope)
        return { ...stored, ...here(), percent, scope }
      }
    },

    kill(actor, reason, evidence) {
      const killed: RolloutKill = {
        at: migration.now(),
        actor,
        reason,
        ...(evidence === undefined ? {} : { evidence }),
      }
      return (stored = fresh()) => (stored.killed === null ? { ...stored, ...here(), percent: '0', killed } : undefined)
    },

    rearm(percent, isLost) {
      known()
      return (stored = fresh(), version) =>
        stored.killed === null && !isLost
          ? undefined
          : { ...stored, ...here(), percent, killed: null, begun: version + 1 }
    },

    lists(lists) {
      return (stored = fresh()) => ({ ...stored, ...lists })
    },
  }
}

function refuseOtherScope(migration: Migration, stored: Rollout, scope: RolloutScope): void {
  const part = scopeConflict(stored.scope, scope)
  if (part === undefined || migration.snapshot.phase !== 'canary' || !stands(stored, migration.snapshot)) return
  throw new InvalidOptionError(
    part,
    scope[part],
    `${JSON.stringify(stored.scope[part])}, as it was when this canary began: another ${part} would exchange its people`,
  )
}
