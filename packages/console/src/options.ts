import { InvalidOptionError, numberOption, type Phase } from '@twinspan/core'
import type { PlanLike } from './plan.ts'

/** Who looks at the console. */
export interface Visitor {
  /** Who answers for what he does, in the audit trail. */
  readonly actor: string
  /** Whether he may do more than look. @default false */
  readonly mayAct?: boolean
}

/** Who does something, and why. */
export interface By {
  readonly actor: string
  readonly reason: string
}

/** What can be done from the page. An action that is not given has no button and no route. */
export interface ConsoleActions {
  /** Whether there are actions at all: the switch to take them away with. */
  readonly enabled: boolean
  /** Sends every read back to legacy: `(by) => router.kill(by)`. */
  readonly kill?: (by: By) => Promise<unknown>
  /** Lifts a kill; the rollout begins again at its first step: `(by) => router.rearm(by)`. */
  readonly rearm?: (by: By) => Promise<unknown>
  /**
   * Another share of the users for the target: `(step) => router.setPercent(step.percent, step)`. `from` is what the page showed when
   * it was decided, so that it overrules nobody; absent before the first.
   */
  readonly ramp?: (by: By & { readonly percent: string; readonly from?: string }) => Promise<unknown>
  /** One step back: `(by) => cutover.rollback(by)` after the switch. */
  readonly rollback?: (by: By) => Promise<unknown>
  /** A step forward: `({ to, ...by }) => migration.advance({ to, ...by })`, or the cutover's where the switch is meant. */
  readonly advance?: (by: By & { readonly to: Phase }) => Promise<unknown>
}

export interface ConsoleOptions<Request> {
  /**
   * Says who asks, before anything is answered, on every route. `false` or nothing: he is refused. `true`: he may look. A
   * `Visitor` who `mayAct` may use the actions. What throws or hangs refuses.
   *
   * @example
   * (request) => request.session?.admin && { actor: request.session.email, mayAct: true }
   */
  readonly authorize: (
    request: Request,
  ) => Visitor | boolean | null | undefined | Promise<Visitor | boolean | null | undefined>
  /** What people may do from the page. Without it the console only shows. */
  readonly actions?: ConsoleActions
  /** What stands in the way of the next step: `() => cutover.plan()`. Asked when the rest is, so at most every `refreshMs`. */
  readonly plan?: () => Promise<PlanLike>
  /**
   * The hosts (with their port, where it is not the usual one) that the console answers under. Keeps away pages that made their own name
   * point at this server.
   *
   * @default every host
   * @example
   * ['ops.example.com', 'localhost:3000']
   */
  readonly hosts?: readonly string[]
  /** How often those who watch are told what is new, and how old an answer of the API may be. @default 2_000 */
  readonly refreshMs?: number
  /** How long a side, the store or `authorize` may take to answer. @default 2_000 */
  readonly timeoutMs?: number
  /** How many may watch at once; who comes after them is asked to come later. @default 50 */
  readonly maxStreams?: number
}

export type ActionName = Exclude<keyof ConsoleActions, 'enabled'>

/** Everything that can be done from the page, in the order of its buttons. */
export const ACTIONS: readonly ActionName[] = ['kill', 'rearm', 'ramp', 'rollback', 'advance']

export interface Settings<Request> {
  readonly authorize: ConsoleOptions<Request>['authorize']
  readonly actions: Partial<Pick<ConsoleActions, ActionName>>
  readonly plan: (() => Promise<PlanLike>) | undefined
  readonly hosts: ReadonlySet<string> | undefined
  readonly refreshMs: number
  readonly timeoutMs: number
  readonly maxStreams: number
}

export function settingsOf<Request>(options: ConsoleOptions<Request>): Settings<Request> {
  const { authorize, actions, plan, hosts } = options ?? {}
  if (typeof authorize !== 'function') throw new InvalidOptionError('authorize', authorize, 'a function', 'the console')
  if (plan !== undefined && typeof plan !== 'function') throw new InvalidOptionError('plan', plan, 'a function')
  return {
    authorize,
    actions: actionsOf(actions),
    plan,
    hosts: hostsOf(hosts),
    refreshMs: numberOption('refreshMs', options.refreshMs, 2_000, { min: 100, max: 60_000 }),
    timeoutMs: numberOption('timeoutMs', options.timeoutMs, 2_000, { min: 10, max: 60_000 }),
    maxStreams: numberOption('maxStreams', options.maxStreams, 50, { min: 1, integer: true }),
  }
}

function actionsOf(actions: ConsoleActions | undefined): Settings<unknown>['actions'] {
  if (actions === undefined) return {}
  if (typeof actions !== 'object' || actions === null || typeof actions.enabled !== 'boolean') {
    throw new InvalidOptionError('actions.enabled', (actions as ConsoleActions | null)?.enabled, 'true or false')
  }
  for (const name of ACTIONS) {
    if (actions[name] !== undefined && typeof actions[name] !== 'function')
      throw new InvalidOptionError(`actions.${name}`, actions[name], 'a function')
  }
  return actions.enabled
    ? Object.fromEntries(ACTIONS.flatMap((name) => (actions[name] ? [[name, actions[name]]] : [])))
    : {}
}

function hostsOf(hosts: readonly string[] | undefined): ReadonlySet<string> | undefined {
  if (hosts === undefined) return undefined
  if (!Array.isArray(hosts) || hosts.length === 0 || hosts.some((host) => typeof host !== 'string' || host === ''))
    throw new InvalidOptionError('hosts', hosts, 'a list of host names')
  return new Set(hosts.map((host: string) => host.toLowerCase()))
}
