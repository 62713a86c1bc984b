import type { ConsoleOptions, Visitor } from '@twinspan/console'
import type { ConsoleConfig } from './config.ts'
import type { SessionUser } from './sessions.ts'
import type { Twin } from './twin.ts'

/** The console as this service shows it: to its admins, who may act where the configuration lets them. */
export function watchOptions<Request>(
  { migration, router, cutover }: Twin,
  { admins, mayAct, hosts }: ConsoleConfig,
  userOf: (request: Request) => SessionUser | undefined,
): ConsoleOptions<Request> {
  return {
    authorize(request): Visitor | false {
      const user = userOf(request)
      return user !== undefined && admins.includes(user.id) && { actor: `member ${user.id}`, mayAct }
    },
    ...(hosts === undefined ? {} : { hosts }),
    plan: () => cutover.plan(),
    actions: {
      enabled: mayAct,
      kill: (by) => router.kill(by),
      rearm: (by) => router.rearm(by),
      ramp: (step) => router.setPercent(step.percent, step),
      rollback: (by) => cutover.rollback(by),
      advance: ({ to, ...by }) =>
        to === 'target-primary' || to === 'complete'
          ? cutover.advance({ to, ...by })
          : migration.advance({ to, ...by }),
    },
  }
}
