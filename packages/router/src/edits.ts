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
  percent(percent: string): Edit
  kill(actor: string, reason: string, evidence: Json | undefined): Edit
  rearm(percent: string): Edit
  lists(lists: { readonly allow?: readonly string[]; readonly deny?: readonly string[] }): Edit
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
    percent(percent) {
      known()
      return (stored) => {
        if (stored === undefined) return { ...fresh(), percent }
        if (stored.killed !== null)
          throw new RolloutKilledError(migration.name, stored.killed.actor, stored.killed.reason)
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

    rearm(percent) {
      known()
      return (stored) =>
        stored === undefined || stored.killed === null ? undefined : { ...stored, ...here(), percent, killed: null }
    },

    lists(lists) {
      return (stored = fresh()) => ({ ...stored, allow: lists.allow ?? stored.allow, deny: lists.deny ?? stored.deny })
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
