import { type Migration, numberOption, RolloutKilledError, type RolloutScope, textOption } from '@twinspan/core'
import { seedOf } from './bucket.ts'
import { type ChangeOptions, change } from './change.ts'
import { createDecider } from './decide.ts'
import { createEdits } from './edits.ts'
import { createFollower } from './follow.ts'
import { killUntilStored } from './kill.ts'
import { createLastKnown } from './last-known.ts'
import { parsePercent } from './percent.ts'
import type { Router, RouterOptions } from './router.ts'
import { functionOption, stepsOption, tenantsOption, textsOption } from './router-options.ts'
import { HASH } from './view.ts'

const DEFAULT_STEPS = [1, 5, 10, 25, 50, 100]

/** The router of this process. Every process creates one with the same unit and salt. */
export function createRouter(migration: Migration, options: RouterOptions): Router {
  const unit = textOption('unit', options.unit, 'createRouter')
  const salt = options.salt === undefined ? '' : textOption('salt', options.salt, 'createRouter')
  const scope: RolloutScope = { unit, salt, hash: HASH }
  const steps = stepsOption(options.steps ?? DEFAULT_STEPS)
  const timeoutMs = numberOption('timeoutMs', options.timeoutMs, 2_000, { min: 10 })
  const follower = createFollower(migration, {
    scope,
    allow: textsOption('allow', options.allow),
    deny: textsOption('deny', options.deny),
    tenants: tenantsOption(options.tenants),
    leaseMs: numberOption('leaseMs', options.leaseMs, 10_000, { min: 100 }),
    refreshMs: numberOption('refreshMs', options.refreshMs, 1_000, { min: 10 }),
    timeoutMs,
    random: options.random ?? Math.random,
    lastKnown: options.lastKnown === undefined ? undefined : createLastKnown(options.lastKnown, migration.name),
  })
  const decider = createDecider(migration, follower, {
    seed: seedOf({ migration: migration.name, unit, salt }),
    tenantOf: functionOption('tenantOf', options.tenantOf),
    upperBound: options.upperBound,
  })
  const edits = createEdits(migration, scope)
  const context = { migration, follower, timeoutMs }
  let isAwake = false
  const pausedBy = new Set<string>()

  function follow(): void {
    isAwake = true
    migration.onStop(follower.stop)
    // The first decision comes from inside a request, whose phase is pinned.
    migration.detached(() => follower.start(decider.tell))
  }

  function wake(): void {
    // Before the migration has started there may be no store to read, and after its end there is nothing to follow.
    if (!isAwake && migration.snapshot.incarnation !== '') follow()
  }

  migration.events.on('phase', wake)

  /** Whether the kill that is in force here is one that the store has forgotten. */
  function lost(): boolean {
    const { rollout, killed } = follower.view
    return killed !== null && (rollout?.killed ?? null) === null
  }

  return {
    decide(key, tenant) {
      if (!isAwake) wake()
      return decider.decide(key, tenant)
    },

    async prepare(key) {
      await options.upperBound?.prepare(key)
    },

    async start() {
      follow()
      await follower.look().catch(() => {})
    },

    stop: follower.stop,

    async setPercent(percent, { actor, reason, from, evidence }) {
      const { text } = parsePercent(percent)
      const by = { ...answerable(actor, reason), ...(evidence === undefined ? {} : { evidence }) }
      const { killed } = follower.view
      if (killed !== null && lost()) throw new RolloutKilledError(migration.name, killed.actor, killed.reason)
      await change(context, edits.percent(text, from), by)
      wake()
    },

    async kill(request) {
      answerable(request.actor, request.reason)
      decider.latch(true)
      await killUntilStored(context, edits, request)
      // What is stored speaks from here on, so that whoever re-arms it elsewhere is heard.
      decider.latch(false)
      wake()
    },

    async rearm({ actor, reason }) {
      const isLost = lost()
      const by = answerable(actor, reason)
      await change(context, edits.rearm(steps[0].text, isLost), by, { written: follower.forgive })
      decider.latch(false)
      wake()
    },

    pause(isPaused, by = 'application') {
      if (isPaused) pausedBy.add(by)
      else pausedBy.delete(by)
      decider.pause(pausedBy.size > 0)
    },

    async setLists({ actor, reason, allow, deny, tenants }) {
      const lists = {
        ...(allow === undefined ? {} : { allow: textsOption('allow', allow) }),
        ...(deny === undefined ? {} : { deny: textsOption('deny', deny) }),
        ...(tenants === undefined ? {} : { tenants: tenantsOption(tenants) }),
      }
      await change(context, edits.lists(lists), answerable(actor, reason))
      wake()
    },

    status() {
      wake()
      const { snapshot } = migration
      const { rollout, epoch, killed, problem, allow, deny, tenants } = follower.view
      return {
        phase: snapshot.phase,
        percent: rollout !== undefined && decider.isMeant(snapshot) ? rollout.percent : '0',
        since: rollout?.since ?? null,
        killed,
        paused: pausedBy.size > 0,
        epoch,
        begun: rollout?.begun ?? 0,
        steps: steps.map((step) => step.text),
        allow: allow.size,
        deny: deny.size,
        tenants: tenants.size,
        stale: follower.isStale(),
        readAt: follower.readAt ?? null,
        withoutKey: decider.withoutKey,
        problem,
      }
    },
  }
}

function answerable(actor: unknown, reason: unknown): ChangeOptions {
  return { actor: textOption('actor', actor), reason: textOption('reason', reason) }
}
