import { clipText } from './clip.ts'

/** What the console needs of a plan of `@twinspan/cutover`: `plan: () => cutover.plan()`. */
export interface PlanLike {
  readonly ready: boolean
  readonly from: string
  readonly to: string
  readonly gates: readonly {
    readonly name: string
    readonly ok: boolean
    readonly detail: string
    readonly advice?: string
  }[]
}

/** The same, no longer than it is worth reading. */
export function clipPlan({ ready, from, to, gates }: PlanLike): PlanLike {
  return {
    ready,
    from: clipText(from),
    to: clipText(to),
    gates: gates.map(({ name, ok, detail, advice }) => ({
      name: clipText(name),
      ok,
      detail: clipText(detail, 600),
      ...(advice === undefined ? {} : { advice: clipText(advice, 600) }),
    })),
  }
}
