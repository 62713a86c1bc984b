import { isBad, type Mistake, type State, successors } from './model.ts'

export interface Exploration {
  readonly states: number
  /** The shortest way to a bad end, if there is one. */
  readonly bad: readonly State[] | undefined
}

/** Visits every state that can be reached from `start`, nearest first. */
export function explore(start: State, mistake?: Mistake): Exploration {
  const cameFrom = new Map<string, State | undefined>([[textOf(start), undefined]])
  let frontier = [start]
  while (frontier.length > 0) {
    const next: State[] = []
    for (const state of frontier) {
      if (isBad(state)) return { states: cameFrom.size, bad: wayTo(state, cameFrom) }
      for (const successor of successors(state, mistake)) {
        const text = textOf(successor)
        if (cameFrom.has(text)) continue
        cameFrom.set(text, state)
        next.push(successor)
      }
    }
    frontier = next
  }
  return { states: cameFrom.size, bad: undefined }
}

function wayTo(end: State, cameFrom: ReadonlyMap<string, State | undefined>): readonly State[] {
  const way: State[] = []
  for (let state: State | undefined = end; state !== undefined; state = cameFrom.get(textOf(state))) way.unshift(state)
  return way
}

function textOf({ mirrors, chunk, ...rest }: State): string {
  const [one, two] = mirrors.map(({ at, seen, row }) => `${at} ${seen} ${row}`) as [string, string]
  // Which of the two mirrors does what makes no difference.
  const both = one < two ? `${one},${two}` : `${two},${one}`
  const { at, row, onTarget, onLegacy, mustMark, inserted, checkpoint } = chunk
  const { legacy, target, newest, journal, nextMark, writesLeft, mirrorCrashesLeft, chunkCrashesLeft } = rest
  return `${both},${at} ${row} ${onTarget} ${onLegacy} ${mustMark} ${inserted} ${checkpoint},${legacy} ${target} ${newest} ${journal} ${nextMark} ${writesLeft} ${mirrorCrashesLeft} ${chunkCrashesLeft}`
}
