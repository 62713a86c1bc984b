import { layout, type Model, type State, Successors } from './explore.ts'

export const PHASES_MISTAKES = [
  'no phase in which everybody captures and nobody mirrors',
  'no waiting for the others',
] as const

export type PhasesMistake = (typeof PHASES_MISTAKES)[number]

const OFF = 0
const CAPTURE = 1
const DUAL_WRITE = 2
const ABSENT = 0
const PAIR = [0, 1] as const
const WRITER = { ready: 0, open: 1, captured: 2 } as const

const { at, size } = layout({
  phase: 1,
  /** The phase that each process goes by. */
  view: 2,
  primary: 1,
  secondary: 1,
  journal: 1,
  written: 2,
  writing: 2,
  /** A copy under way in each process: the rows it saw, and what it read, plus one. */
  seen: 2,
  copied: 2,
})

/**
 * Two processes that capture by themselves (`capture: 'transaction'`) and may be one phase apart, while the migration goes from
 * `off` to `dual-write`. Each writes its list of values to one key; whoever is in `dual-write` mirrors.
 */
export function phasesModel(writes: readonly [readonly number[], readonly number[]], mistake?: PhasesMistake): Model {
  const initial = new Uint8Array(size)
  const get = (state: State, place: number): number => state[place] ?? 0

  function next(state: State): readonly (readonly [string, State])[] {
    const out = new Successors(state)
    const phase = get(state, at.phase)
    const heard = PAIR.every((process) => get(state, at.view + process) === phase)
    if (phase < DUAL_WRITE && (heard || mistake === 'no waiting for the others')) {
      const to = mistake === 'no phase in which everybody captures and nobody mirrors' ? DUAL_WRITE : phase + 1
      out.add(`phase ${to}`, (s) => {
        s[at.phase] = to
      })
    }
    for (const process of PAIR) acts(state, out, process)
    return out.list
  }

  function acts(state: State, out: Successors, process: 0 | 1): void {
    const view = get(state, at.view + process)
    const writing = get(state, at.writing + process)
    const number = get(state, at.written + process)
    const value = writes[process][number]
    const bit = 1 << (process * 4 + number)
    const other = 1 - process
    const label = `process ${process}`

    if (view !== get(state, at.phase) && writing === WRITER.ready) {
      out.add(`${label}: hears of phase ${get(state, at.phase)}`, (s) => {
        s[at.view + process] = get(s, at.phase)
      })
    }
    if (value !== undefined && writing === WRITER.ready && get(state, at.writing + other) === WRITER.ready) {
      out.add(`${label}: ${value === ABSENT ? 'delete' : `put ${value}`} begins`, (s) => {
        s[at.writing + process] = view >= CAPTURE ? WRITER.captured : WRITER.open
      })
    }
    if (writing !== WRITER.ready) {
      out.add(`${label}: commits${writing === WRITER.captured ? ' with its mark' : ''}`, (s) => {
        s[at.primary] = value ?? ABSENT
        if (writing === WRITER.captured) s[at.journal] = get(s, at.journal) | bit
        s[at.writing + process] = WRITER.ready
        s[at.written + process] = number + 1
      })
    }
    const seen = get(state, at.seen + process)
    const copied = get(state, at.copied + process)
    const forget = (s: State): void => {
      s[at.seen + process] = 0
      s[at.copied + process] = 0
    }
    if (view === DUAL_WRITE && seen === 0 && get(state, at.journal) !== 0 && get(state, at.seen + other) === 0) {
      out.add(`${label}: mirror reads the journal and locks`, (s) => {
        s[at.seen + process] = get(s, at.journal)
      })
    }
    if (seen !== 0 && copied === 0) {
      out.add(`${label}: mirror reads legacy`, (s) => {
        s[at.copied + process] = get(s, at.primary) + 1
      })
      out.add(`${label}: mirror dies`, forget)
    }
    if (copied !== 0) {
      out.add(`${label}: mirror commits and removes what it saw`, (s) => {
        s[at.secondary] = copied - 1
        s[at.journal] = get(s, at.journal) & ~seen
        forget(s)
      })
      out.add(`${label}: mirror dies`, forget)
    }
  }

  /** What the target does not hold is the backfill's; what it holds must be legacy's, or be on its way. */
  function wrong(state: State): string | undefined {
    const atWork = PAIR.some((process) => get(state, at.writing + process) !== WRITER.ready)
    if (atWork || get(state, at.journal) !== 0 || get(state, at.secondary) === ABSENT) return undefined
    if (get(state, at.secondary) === get(state, at.primary)) return undefined
    return `the target holds ${get(state, at.secondary)}, legacy ${get(state, at.primary)}`
  }

  const atRest = (state: State): boolean => get(state, at.phase) > OFF && get(state, at.journal) === 0

  return { initial, next, wrong, atRest }
}
