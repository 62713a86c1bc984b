import { layout, type Model, type State, Successors } from './explore.ts'

/** What a careless implementation would do instead. Each must lead to a bad end somewhere. */
export const MIRROR_MISTAKES = [
  'mark before the transaction',
  'mark after the commit',
  'read before the lock',
  'no lock',
  'lock released before the commit',
  'lock lost while its holder can still commit',
  'remove up to the largest id',
  'remove every row of the key',
  'remove before the commit',
  'absence ignored',
  'update without insert',
  'copy what the journal row says',
  'compaction keeps none',
  'compaction keeps the oldest row',
] as const

export type MirrorMistake = (typeof MIRROR_MISTAKES)[number]

/** A write: which key gets which value; `0` deletes. */
export interface Write {
  readonly key: 0 | 1
  readonly value: number
}

// Where a writer stands within its current write, and a copier within its copy.
const WRITER = { ready: 0, marked: 1, open: 2, unmarked: 3 } as const
const COPIER = { idle: 0, seen: 1, locked: 2, written: 3, unlocked: 4, committed: 5 } as const

const { at, size } = layout({
  primary: 2,
  secondary: 2,
  /** Per write: its journal row (1: there), and the id that it drew. */
  journal: 4,
  id: 4,
  nextId: 1,
  /** Per row that a compaction wrote: `0` before that, then its key plus one, and plus three once it was removed. */
  compacted: 2,
  compactedId: 2,
  /** Which key's row a writer holds, plus one. */
  writer: 4,
  /** Per copier: where it stands, the rows it saw as bits, and what it will write per key. */
  copier: 2,
  seen: 2,
  read: 4,
  /** The stripe's holder, plus one. Both keys share the stripe. */
  stripe: 1,
})

const ABSENT = 0

/**
 * The primary with its journal, two writers, and two copiers that may be paused and may die anywhere. A writer is its
 * place in its list of writes (even numbers of `writer`) and where it stands in it (odd ones).
 */
export function mirrorModel(writers: readonly [readonly Write[], readonly Write[]], mistake?: MirrorMistake): Model {
  const all = writers.flat()
  const first = [0, writers[0].length] as const
  const COPIERS = [0, 1] as const

  const initial = new Uint8Array(size)
  const place = (writer: 0 | 1): number => at.writer + writer * 2
  const stands = (writer: 0 | 1): number => at.writer + writer * 2 + 1
  const rows = journalRows(all)
  const bits = (state: State): number =>
    rows.reduce((mask, row, number) => mask | (row.isThere(state) ? 1 << number : 0), 0)

  function next(state: State): Model['next'] extends (s: State) => infer R ? R : never {
    const out = new Successors(state)
    for (const writer of [0, 1] as const) writes(state, out, writer)
    for (const copier of COPIERS) copies(state, out, copier)
    for (const key of [0, 1] as const) compacts(state, out, key)
    return out.list
  }

  function writes(state: State, out: Successors, writer: 0 | 1): void {
    const done = state[place(writer)] ?? 0
    const write = writers[writer][done]
    if (write === undefined) return
    const number = first[writer] + done
    const where = state[stands(writer)]
    const finish = (s: State): void => {
      s[place(writer)] = done + 1
      s[stands(writer)] = WRITER.ready
    }
    const draw = (s: State): void => {
      s[at.nextId] = (s[at.nextId] ?? 0) + 1
      s[at.id + number] = s[at.nextId] ?? 0
    }
    const label = `writer ${writer}: ${write.value === ABSENT ? 'delete' : `put ${write.value}`} at key ${write.key}`
    const other = (1 - writer) as 0 | 1
    const others = writers[other][state[place(other)] ?? 0]
    const rowIsHeld = others?.key === write.key && state[stands(other)] === WRITER.open
    if (where === WRITER.ready) {
      if (mistake === 'mark before the transaction') {
        out.add(`${label}: marks`, (s) => {
          draw(s)
          s[at.journal + number] = 1
          s[stands(writer)] = WRITER.marked
        })
      } else if (!rowIsHeld) {
        out.add(`${label}: has written, not committed`, (s) => {
          draw(s)
          s[stands(writer)] = WRITER.open
        })
      }
    }
    if (where === WRITER.marked && !rowIsHeld) {
      out.add(`${label}: commits`, (s) => {
        s[at.primary + write.key] = write.value
        finish(s)
      })
      out.add(`${label}: dies`, finish)
    }
    if (where === WRITER.open) {
      out.add(`${label}: commits`, (s) => {
        s[at.primary + write.key] = write.value
        if (mistake === 'mark after the commit') s[stands(writer)] = WRITER.unmarked
        else {
          s[at.journal + number] = 1
          finish(s)
        }
      })
      out.add(`${label}: dies before its commit`, finish)
    }
    if (where === WRITER.unmarked) {
      out.add(`${label}: marks`, (s) => {
        s[at.journal + number] = 1
        finish(s)
      })
      out.add(`${label}: dies before its mark`, finish)
    }
  }

  function copies(state: State, out: Successors, copier: 0 | 1): void {
    const where = state[at.copier + copier]
    const seen = state[at.seen + copier] ?? 0
    const label = `copier ${copier}`
    const read = (s: State): void => {
      for (const key of [0, 1]) s[at.read + copier * 2 + key] = s[at.primary + key] ?? 0
      if (mistake === 'copy what the journal row says') {
        for (const [number, write] of all.entries()) {
          if (seen & (1 << number)) s[at.read + copier * 2 + write.key] = write.value
        }
      }
    }
    const holds = state[at.stripe] === copier + 1
    const release = (s: State): void => {
      if (s[at.stripe] === copier + 1) s[at.stripe] = 0
    }
    const forget = (s: State): void => {
      s[at.copier + copier] = COPIER.idle
      s[at.seen + copier] = 0
      for (const key of [0, 1]) s[at.read + copier * 2 + key] = 0
    }
    const remove = (s: State): void => {
      const saw = rows.filter((_, number) => seen & (1 << number))
      const largest = Math.max(...saw.map((row) => row.id(s)))
      const keys = saw.map((row) => row.key(s))
      for (const row of rows.filter((one) => one.isThere(s))) {
        const doomed =
          mistake === 'remove up to the largest id'
            ? row.id(s) <= largest
            : mistake === 'remove every row of the key'
              ? keys.includes(row.key(s))
              : saw.includes(row)
        if (doomed) row.remove(s)
      }
    }
    const apply = (s: State): void => {
      for (const key of [0, 1] as const) {
        if (!rows.some((row, number) => seen & (1 << number) && row.key(s) === key)) continue
        const value = s[at.read + copier * 2 + key] ?? 0
        if (value === ABSENT && mistake === 'absence ignored') continue
        if (s[at.secondary + key] === ABSENT && mistake === 'update without insert') continue
        s[at.secondary + key] = value
      }
    }

    if (where === COPIER.idle && bits(state) !== 0) {
      out.add(`${label}: reads the journal`, (s) => {
        s[at.copier + copier] = COPIER.seen
        s[at.seen + copier] = bits(s)
        if (mistake === 'read before the lock') {
          for (const key of [0, 1]) s[at.read + copier * 2 + key] = s[at.primary + key] ?? 0
        }
      })
    }
    if (where === COPIER.seen && (state[at.stripe] === 0 || mistake === 'no lock')) {
      out.add(`${label}: locks`, (s) => {
        if (mistake !== 'no lock') s[at.stripe] = copier + 1
        s[at.copier + copier] = COPIER.locked
      })
    }
    if (where === COPIER.locked) {
      out.add(`${label}: reads the primary`, (s) => {
        if (mistake !== 'read before the lock') read(s)
        if (mistake === 'remove before the commit') remove(s)
        s[at.copier + copier] = COPIER.written
      })
    }
    if (where === COPIER.written) {
      if (mistake === 'lock released before the commit') {
        out.add(`${label}: unlocks`, (s) => {
          release(s)
          s[at.copier + copier] = COPIER.unlocked
        })
      } else {
        out.add(`${label}: commits`, (s) => {
          apply(s)
          release(s)
          s[at.copier + copier] = COPIER.committed
        })
      }
    }
    if (where === COPIER.unlocked) {
      out.add(`${label}: commits`, (s) => {
        apply(s)
        s[at.copier + copier] = COPIER.committed
      })
    }
    if (where === COPIER.committed) {
      out.add(`${label}: removes the rows it saw`, (s) => {
        remove(s)
        forget(s)
      })
    }
    // A lease that a clock takes away, instead of a lock that goes with its transaction.
    if (mistake === 'lock lost while its holder can still commit' && holds) out.add(`${label}: loses its lock`, release)
    if (where !== COPIER.idle) {
      out.add(`${label}: dies`, (s) => {
        release(s)
        forget(s)
      })
    }
  }

  /** The rows of a key give way to one new row, in one transaction. */
  function compacts(state: State, out: Successors, key: 0 | 1): void {
    const visible = rows.filter((row) => row.isThere(state) && row.key(state) === key)
    const slot = [0, 1].find((one) => state[at.compacted + one] === 0)
    if (visible.length < 2 || slot === undefined) return
    out.add(`compaction of key ${key}`, (s) => {
      const oldest = visible.toSorted((a, b) => a.id(s) - b.id(s))[0]
      for (const row of visible) {
        if (mistake !== 'compaction keeps the oldest row' || row !== oldest) row.remove(s)
      }
      if (mistake?.startsWith('compaction')) return
      s[at.nextId] = (s[at.nextId] ?? 0) + 1
      s[at.compactedId + slot] = s[at.nextId] ?? 0
      s[at.compacted + slot] = key + 1
    })
  }

  /** I5 nobody writes the key and the journal holds no row of it: both sides agree on it. */
  function wrong(state: State): string | undefined {
    for (const key of [0, 1] as const) {
      const atWork = ([0, 1] as const).some(
        (writer) => state[stands(writer)] !== WRITER.ready && writers[writer][state[place(writer)] ?? 0]?.key === key,
      )
      const dirty = rows.some((row) => row.isThere(state) && row.key(state) === key)
      if (!atWork && !dirty && state[at.primary + key] !== state[at.secondary + key]) {
        return `key ${key} is ${state[at.primary + key]} on the primary and ${state[at.secondary + key]} on the secondary`
      }
    }
    return undefined
  }

  const atRest = (state: State): boolean =>
    ([0, 1] as const).every((writer) => state[place(writer)] === writers[writer].length) && bits(state) === 0

  return { initial, next, wrong, atRest }
}

interface Row {
  isThere(state: State): boolean
  key(state: State): number | undefined
  id(state: State): number
  remove(state: State): void
}

/** The journal: a row for each write, and those that compactions write. */
function journalRows(writes: readonly Write[]): readonly Row[] {
  const marks = writes.map(
    ({ key }, number): Row => ({
      isThere: (state) => state[at.journal + number] === 1,
      key: () => key,
      id: (state) => state[at.id + number] ?? 0,
      remove: (state) => {
        state[at.journal + number] = 0
      },
    }),
  )
  const compacted = [0, 1].map((slot): Row => {
    const value = (state: State): number => state[at.compacted + slot] ?? 0
    return {
      isThere: (state) => value(state) === 1 || value(state) === 2,
      key: (state) => (value(state) === 0 ? undefined : (value(state) - 1) % 2),
      id: (state) => state[at.compactedId + slot] ?? 0,
      remove: (state) => {
        state[at.compacted + slot] = value(state) + 2
      },
    }
  })
  return [...marks, ...compacted]
}
