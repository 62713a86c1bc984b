/** Trials of one stretch of time and how many of them ended badly. */
export interface Counts {
  readonly total: number
  readonly bad: number
}

/** The same trial on both sides. */
export interface Comparison {
  readonly legacy: Counts
  readonly target: Counts
}

export const NONE: Counts = { total: 0, bad: 0 }

function plus(a: Counts, b: Counts): Counts {
  return { total: a.total + b.total, bad: a.bad + b.bad }
}

export function plusBoth(a: Comparison, b: Comparison): Comparison {
  return { legacy: plus(a.legacy, b.legacy), target: plus(a.target, b.target) }
}
