import { type Migration, numberOption, type RolloutScope, textOption } from '@twinspan/core'
import { seedOf } from './bucket.ts'
import { type ChangeOptions, change } from './change.ts'
import { createDecider } from './decide.ts'
import { createEdits } from './edits.ts'
import { createFollower } from './follow.ts'
import { killUntilStored } from './kill.ts'
import { parsePercent } from './percent.ts'
import type { Router, RouterOptions } from './router.ts'
import { stepsOption, textsOption } from './router-options.ts'
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
    leaseMs: numberOption('leaseMs', options.leaseMs, 10_000, { min: 100 }),
    refreshMs: numberOption('refreshMs', options.refreshMs, 1_000, { min: 10 }),
    timeoutMs,
    random: options.random ?? Math.random,
  })
  const decider = createDecider(migration, follower, seedOf({ migration: migration.name, unit, salt }))
  const edits = createEdits(migration, scope)
  const context = { migration, follower, timeoutMs }
  let isAwake = false

  function follow(): void {
    isAwake = true
    migration.onStop(follower.stop)
    // The first decision comes from inside a request, whose phase is pinned.
    migration.detached(follower.start)
  }

  function wake(): void {
    // Before the migration has started there may be no store to read, and after its end there is nothing to follow.
    if (!isAwake && migration.snapshot.incarnation !== '') follow()
  }

  migration.events.on('phase', wake)

  return {
    decide(key) {
      if (!isAwake) wake()
      return decider.decide(key)
    },

    async start() {
      follow()
      await follower.look().catch(() => {})
    },

    stop: follower.stop,

    async setPercent(percent, { actor, reason }) {
      const { text } = parsePercent(percent)
      await change(context, edits.percent(text), answerable(actor, reason))
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
      await change(context, edits.rearm(steps[0].text), answerable(actor, reason))
      decider.latch(false)
      wake()
    },

    async setLists({ actor, reason, allow, deny }) {
      const lists = {
        ...(allow === undefined ? {} : { allow: textsOption('allow', allow) }),
        ...(deny === undefined ? {} : { deny: textsOption('deny', deny) }),
      }
      await change(context, edits.lists(lists), answerable(actor, reason))
      wake()
    },

    status() {
      wake()
      const { snapshot } = migration
      const { rollout, epoch, problem, allow, deny } = follower.view
      return {
        phase: snapshot.phase,
        percent: rollout !== undefined && decider.isMeant(snapshot) ? rollout.percent : '0',
        since: rollout?.since ?? null,
        killed: rollout?.killed ?? null,
        epoch,
        steps: steps.map((step) => step.text),
        allow: allow.size,
        deny: deny.size,
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
