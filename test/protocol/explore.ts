/** A state of a model: small numbers at fixed places. */
export type State = Uint8Array

export interface Model {
  readonly initial: State
  /** Everything that may happen next: what it is called, and the state that it leads to. */
  next(state: State): readonly (readonly [label: string, state: State])[]
  /** What is wrong with the state, if anything. Asked of every state. */
  wrong(state: State): string | undefined
  /** Whether the state may be the end of everything: a state from which nothing goes on must be one. */
  atRest(state: State): boolean
}

export interface Exploration {
  readonly states: number
  /** The shortest road to a bad state, if there is one. */
  readonly counterexample: { readonly wrong: string; readonly road: readonly string[] } | undefined
}

/**
 * Visits every state that the model can reach, breadth first, so that the first bad state found has the shortest road.
 *
 * @throws when there are more than `limit` states: an exploration that was cut off has shown nothing.
 */
export function explore(model: Model, { limit = 5_000_000 }: { readonly limit?: number } = {}): Exploration {
  const keyOf = (state: State): string => String.fromCharCode(...state)
  const seen = new Map<string, { readonly from: string | undefined; readonly label: string }>()
  const first = keyOf(model.initial)
  seen.set(first, { from: undefined, label: 'start' })
  let frontier: (readonly [string, State])[] = [[first, model.initial]]

  const roadTo = (key: string): readonly string[] => {
    const labels: string[] = []
    for (let at: string | undefined = key; at !== undefined; at = seen.get(at)?.from)
      labels.push(seen.get(at)?.label ?? '')
    return labels.reverse().slice(1)
  }

  while (frontier.length > 0) {
    const reached: (readonly [string, State])[] = []
    for (const [key, state] of frontier) {
      const wrong = model.wrong(state)
      if (wrong !== undefined) return { states: seen.size, counterexample: { wrong, road: roadTo(key) } }
      const successors = model.next(state)
      if (successors.length === 0 && !model.atRest(state)) {
        return {
          states: seen.size,
          counterexample: { wrong: 'nothing goes on, and it is not over', road: roadTo(key) },
        }
      }
      for (const [label, successor] of successors) {
        const successorKey = keyOf(successor)
        if (seen.has(successorKey)) continue
        seen.set(successorKey, { from: key, label })
        reached.push([successorKey, successor])
      }
    }
    if (seen.size > limit) throw new Error(`more than ${limit} states`)
    frontier = reached
  }
  return { states: seen.size, counterexample: undefined }
}

/** Collects the successors of a state. */
export class Successors {
  readonly list: (readonly [string, State])[] = []
  readonly #state: State

  constructor(state: State) {
    this.#state = state
  }

  /** A successor: a copy of the state, changed by `change`. */
  add(label: string, change: (next: State) => void): void {
    const next = this.#state.slice()
    change(next)
    this.list.push([label, next])
  }
}

/** Names for the places of a state, each so many numbers wide. */
export function layout<const Widths extends Readonly<Record<string, number>>>(
  widths: Widths,
): { readonly at: Readonly<Record<keyof Widths, number>>; readonly size: number } {
  const at: Record<string, number> = {}
  let size = 0
  for (const [name, width] of Object.entries(widths)) {
    at[name] = size
    size += width
  }
  return { at: at as Record<keyof Widths, number>, size }
}
