import { layout, type Model, type State, Successors } from './explore.ts'

export const SWITCH_MISTAKES = [
  'a writer does not check the fence',
  'a writer checks the fence and lets go of it',
  'closing does not wait for writers',
  'a copier does not check the fence',
  'a copier checks the fence and lets go of it',
  'opening does not wait for copiers',
  'deciding before the journal is empty',
  'deciding in the row of the other side',
  'opening without comparing epochs',
  'deciding without compare-and-set',
  'drained before it was fenced',
] as const

export type SwitchMistake = (typeof SWITCH_MISTAKES)[number]

const WRITER = { ready: 0, open: 1 } as const
const COPIER = { idle: 0, seen: 1, open: 2, read: 3, committed: 4 } as const
const DRIVER = { idle: 0, closed: 1, drained: 2, decided: 3 } as const

/** The most decisions that are taken: there, back, there again. */
const EPOCHS = 4

const { at, size } = layout({
  value: 2,
  /** Rows of the one key in each side's journal, as bits of writes. */
  journal: 2,
  // The fence rows of both sides: epoch, primary, closed or not.
  epoch: 2,
  primary: 2,
  closed: 2,
  /** The newest acknowledged write. */
  last: 1,
  /** Per writer: writes done, where it stands, the side it writes to, the side it believes in. */
  done: 2,
  writing: 2,
  side: 2,
  view: 2,
  /** Per copier: where it stands, its direction (from), the epoch it believes in, the rows it saw, what it read. */
  copying: 2,
  from: 2,
  believes: 2,
  seen: 2,
  read: 2,
  /** Whether a copier holds the fence of its secondary. */
  holds: 2,
  driving: 1,
  /** The side that the driver switches away from, and whether somebody else has changed its fence row since. */
  driverFrom: 1,
  overtaken: 1,
  /** What somebody read of a decision who will make the side that lags follow: the side, plus one, and the epoch. */
  follower: 1,
  heard: 1,
})

const PAIR = [0, 1] as const

/**
 * Two sides with a fence row and a journal each, one key, two writers with views that may be stale, two copiers in either
 * direction, and a driver that may die, be undone, and come back; switches go there and back.
 */
export function switchModel(writesEach: number, mistake?: SwitchMistake): Model {
  const initial = new Uint8Array(size)
  for (const side of PAIR) {
    initial[at.epoch + side] = 1
  }
  for (const copier of PAIR) initial[at.believes + copier] = 1

  const get = (state: State, place: number): number => state[place] ?? 0
  const accepts = (s: State, side: number): boolean =>
    get(s, at.closed + side) === 0 && get(s, at.primary + side) === side
  const newest = (s: State): number => (get(s, at.epoch) >= get(s, at.epoch + 1) ? 0 : 1)

  /** Whether somebody holds the fence row of the side shared: then nobody may change it. */
  function isHeld(s: State, side: number): boolean {
    const byWriter = PAIR.some(
      (writer) => get(s, at.writing + writer) === WRITER.open && get(s, at.side + writer) === side,
    )
    const byCopier = PAIR.some((copier) => get(s, at.holds + copier) === 1 && 1 - get(s, at.from + copier) === side)
    const waitsForWriters =
      mistake !== 'closing does not wait for writers' && mistake !== 'a writer checks the fence and lets go of it'
    return (waitsForWriters && byWriter) || byCopier
  }

  /** What a compare-and-set by revision notices. */
  function overtake(s: State, side: number): void {
    if (get(s, at.driving) !== DRIVER.idle && get(s, at.driverFrom) === side) s[at.overtaken] = 1
  }

  function next(state: State): readonly (readonly [string, State])[] {
    const out = new Successors(state)
    for (const writer of PAIR) writes(state, out, writer)
    for (const copier of PAIR) copies(state, out, copier)
    drives(state, out)
    return out.list
  }

  function writes(state: State, out: Successors, writer: number): void {
    const done = get(state, at.done + writer)
    if (done === writesEach) return
    const value = writer * writesEach + done + 1
    const label = `writer ${writer}: put ${value}`
    if (get(state, at.writing + writer) === WRITER.ready) {
      const side = get(state, at.view + writer)
      const other = 1 - writer
      const rowIsHeld = get(state, at.writing + other) === WRITER.open && get(state, at.side + other) === side
      const newestView = get(state, at.primary + newest(state))
      if (newestView !== side)
        out.add(`writer ${writer}: looks`, (s) => {
          s[at.view + writer] = newestView
        })
      if (rowIsHeld || !(accepts(state, side) || mistake === 'a writer does not check the fence')) return
      out.add(`${label} on ${side}: has written, not committed`, (s) => {
        s[at.writing + writer] = WRITER.open
        s[at.side + writer] = side
      })
      return
    }
    const side = get(state, at.side + writer)
    out.add(`${label} on ${side}: commits`, (s) => {
      s[at.value + side] = value
      s[at.journal + side] = get(s, at.journal + side) | (1 << (value - 1))
      s[at.last] = value
      s[at.done + writer] = done + 1
      s[at.writing + writer] = WRITER.ready
      s[at.side + writer] = 0
    })
    out.add(`${label} on ${side}: dies`, (s) => {
      s[at.done + writer] = done + 1
      s[at.writing + writer] = WRITER.ready
      s[at.side + writer] = 0
    })
  }

  function copies(state: State, out: Successors, copier: number): void {
    const where = get(state, at.copying + copier)
    const from = get(state, at.from + copier)
    const to = 1 - from
    const label = `copier ${copier}`
    const forget = (s: State): void => {
      for (const place of [at.copying, at.from, at.seen, at.read, at.holds]) s[place + copier] = 0
    }
    if (where === COPIER.idle) {
      const row = newest(state)
      if (get(state, at.believes + copier) !== get(state, at.epoch + row)) {
        out.add(`${label}: looks`, (s) => {
          s[at.believes + copier] = get(s, at.epoch + row)
        })
      }
      // Which way it copies follows from the epoch that it believes in: odd epochs are legacy's.
      const source = get(state, at.believes + copier) % 2 === 1 ? 0 : 1
      const rows = get(state, at.journal + source)
      if (rows !== 0) {
        out.add(`${label}: reads the journal of ${source}`, (s) => {
          s[at.copying + copier] = COPIER.seen
          s[at.from + copier] = source
          s[at.seen + copier] = rows
        })
      }
      return
    }
    if (where === COPIER.seen) {
      const stripeHeld = PAIR.some(
        (other) =>
          other !== copier &&
          [COPIER.open, COPIER.read].includes(get(state, at.copying + other) as 2) &&
          get(state, at.from + other) === from,
      )
      const fits = get(state, at.primary + to) !== to && get(state, at.epoch + to) === get(state, at.believes + copier)
      const admitted = fits || mistake === 'a copier does not check the fence'
      if (admitted && !stripeHeld) {
        out.add(`${label}: begins its transaction on ${to}`, (s) => {
          s[at.copying + copier] = COPIER.open
          const lets =
            mistake === 'a copier checks the fence and lets go of it' || mistake === 'a copier does not check the fence'
          s[at.holds + copier] = lets ? 0 : 1
        })
      }
    }
    if (where === COPIER.open) {
      out.add(`${label}: reads ${from}`, (s) => {
        s[at.copying + copier] = COPIER.read
        s[at.read + copier] = get(s, at.value + from)
      })
    }
    if (where === COPIER.read) {
      out.add(`${label}: commits on ${to}`, (s) => {
        s[at.value + to] = get(s, at.read + copier)
        s[at.copying + copier] = COPIER.committed
        s[at.holds + copier] = 0
        s[at.read + copier] = 0
      })
    }
    if (where === COPIER.committed) {
      out.add(`${label}: removes the rows it saw`, (s) => {
        s[at.journal + from] = get(s, at.journal + from) & ~get(s, at.seen + copier)
        forget(s)
      })
    }
    out.add(`${label}: dies`, forget)
  }

  function drives(state: State, out: Successors): void {
    const where = get(state, at.driving)
    const decided = newest(state)
    const from = where === DRIVER.idle ? get(state, at.primary + decided) : get(state, at.driverFrom)
    const to = 1 - from
    const rest = (s: State): void => {
      s[at.driving] = DRIVER.idle
      s[at.driverFrom] = 0
      s[at.overtaken] = 0
    }
    const stillMine = get(state, at.overtaken) === 0 || mistake === 'deciding without compare-and-set'
    const drained = get(state, at.journal + from) === 0 || mistake === 'deciding before the journal is empty'

    if (
      where === DRIVER.idle &&
      get(state, at.epoch + from) < EPOCHS &&
      get(state, at.closed + from) === 0 &&
      accepts(state, from)
    ) {
      if (mistake === 'drained before it was fenced') {
        // The journal is looked at first, the fence closed afterwards.
        if (get(state, at.journal + from) === 0 && !isHeld(state, from)) {
          out.add(`driver: found the journal of ${from} empty`, (s) => {
            s[at.driving] = DRIVER.closed
            s[at.driverFrom] = from
          })
        }
      } else if (!isHeld(state, from)) {
        out.add(`driver: closes the fence of ${from}`, (s) => {
          s[at.closed + from] = 1
          s[at.driving] = DRIVER.closed
          s[at.driverFrom] = from
        })
      }
    }
    if (where === DRIVER.closed) {
      const late = mistake === 'drained before it was fenced'
      if (late ? !isHeld(state, from) && stillMine : drained) {
        out.add(late ? `driver: closes the fence of ${from}` : `driver: finds the journal of ${from} empty`, (s) => {
          s[at.driving] = DRIVER.drained
          if (!late) return
          s[at.closed + from] = 1
        })
      }
    }
    if (where === DRIVER.drained) {
      const row = mistake === 'deciding in the row of the other side' ? to : from
      const free = !isHeld(state, row)
      if (free && (row === to || stillMine)) {
        out.add(`driver: decides for ${to} in the row of ${row}`, (s) => {
          s[at.epoch + row] = Math.max(get(s, at.epoch), get(s, at.epoch + 1)) + 1
          s[at.primary + row] = to
          s[at.closed + row] = 0
          rest(s)
        })
      }
    }
    if (where !== DRIVER.idle) out.add('driver: dies', rest)

    // Anybody may undo a switch whose driver is overdue, and the overdue driver may come back afterwards.
    for (const side of PAIR) {
      if (get(state, at.closed + side) === 1 && !isHeld(state, side)) {
        out.add(`anybody: opens the fence of ${side} again`, (s) => {
          s[at.closed + side] = 0
          overtake(s, side)
        })
      }
    }
    follows(state, out)
  }

  /** Whoever looks makes the side that lags follow, and may be paused between reading the decision and writing it. */
  function follows(state: State, out: Successors): void {
    const rest = (s: State): void => {
      s[at.follower] = 0
      s[at.heard] = 0
    }
    const ahead = newest(state)
    const behind = 1 - ahead
    const differ = get(state, at.epoch + behind) !== get(state, at.epoch + ahead)
    if (differ && (mistake === 'opening does not wait for copiers' || !isHeld(state, behind))) {
      out.add(`anybody: opens ${behind} for epoch ${get(state, at.epoch + ahead)}`, (s) => {
        s[at.epoch + behind] = get(s, at.epoch + ahead)
        s[at.primary + behind] = get(s, at.primary + ahead)
        s[at.closed + behind] = 0
        overtake(s, behind)
      })
    }
    if (get(state, at.follower) === 0) {
      const side = behind
      if (!differ) return
      out.add(`follower: hears of epoch ${get(state, at.epoch + ahead)}`, (s) => {
        s[at.follower] = side + 1
        s[at.heard] = get(s, at.epoch + ahead)
      })
      return
    }
    const side = get(state, at.follower) - 1
    const epoch = get(state, at.heard)
    const lags = get(state, at.epoch + side) < epoch || mistake === 'opening without comparing epochs'
    const waits = mistake !== 'opening does not wait for copiers' && isHeld(state, side)
    if (lags && !waits) {
      out.add(`follower: opens ${side} for epoch ${epoch}`, (s) => {
        s[at.epoch + side] = epoch
        // Odd epochs are legacy's.
        s[at.primary + side] = epoch % 2 === 1 ? 0 : 1
        s[at.closed + side] = 0
        overtake(s, side)
        rest(s)
      })
    }
    out.add('follower: dies, or finds that it is late', rest)
  }

  function wrong(state: State): string | undefined {
    if (accepts(state, 0) && accepts(state, 1)) return 'both sides accept writes'
    for (const side of PAIR) {
      if (accepts(state, side) && get(state, at.value + side) !== get(state, at.last)) {
        return `${side} is the primary and holds ${get(state, at.value + side)}, acknowledged was ${get(state, at.last)}`
      }
    }
    return undefined
  }

  const atRest = (state: State): boolean =>
    PAIR.every((writer) => get(state, at.done + writer) === writesEach) &&
    get(state, at.journal) === 0 &&
    get(state, at.journal + 1) === 0

  return { initial, next, wrong, atRest }
}
