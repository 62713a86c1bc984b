import { type Key, keyText } from '@twinspan/core'
import { assertCurrent, type Comparison } from '../comparison.ts'
import { pause } from '../pause.ts'
import { fingerprint, type Look, lookAt, printOf } from './look.ts'
import { type Difference, differenceOf, type Expected } from './verdict.ts'

/** A key that drifted. */
export interface Drift {
  readonly key: Key
  readonly difference: Difference
  readonly look: Look
}

export interface Suspects {
  /** Puts a key under watch. A key that is watched or was decided already is left alone. */
  add(key: Key, expected: Expected): void
  /** How many are under watch. */
  readonly size: number
  /** Keys that were neither equal nor drift when the looks were used up. */
  readonly undecided: number
  /** The `keyText`s of these. */
  readonly undecidedKeys: ReadonlySet<string>
  /** Looks at those whose time has come, unless others were looked at a moment ago. */
  due(): Promise<readonly Drift[]>
  /** Waits for the next that are due, then looks at them. */
  next(): Promise<readonly Drift[]>
}

interface Suspect {
  readonly key: Key
  readonly seenAt: number
  /** What the secondary should have held, at every look so far. */
  readonly witnessed: Expected[]
  looks: number
  /** What the last look saw, when it counted. */
  print: string | null
}

const LOOK_AT_ONCE = 500
/** Looks cost several statements, for one key as for many: those whose time has come wait for others, so long at most. */
const GATHER_MS = 250

/** Keeps keys under watch until they are equal, drift, or have been looked at often enough. */
export function createSuspects(comparison: Comparison): Suspects {
  const { migration, settings } = comparison
  const delays = settings.recheckMs
  // One queue per number of looks: within each, whoever came first is due first.
  const queues: Suspect[][] = Array.from({ length: delays.length + 1 }, () => [])
  const known = new Set<string>()
  let size = 0
  let lookedAt = Number.NEGATIVE_INFINITY
  const undecidedKeys = new Set<string>()

  // A key that counted in the very last look only gets one more.
  const dueAt = (suspect: Suspect): number => suspect.seenAt + (delays[suspect.looks] ?? 2 * (delays.at(-1) ?? 0))

  function take(until: number): Suspect[] {
    const batch: Suspect[] = []
    for (const queue of queues) {
      let count = 0
      while (count < queue.length && batch.length + count < LOOK_AT_ONCE && dueAt(queue[count] as Suspect) <= until)
        count++
      batch.push(...queue.splice(0, count))
    }
    return batch
  }

  async function look(batch: readonly Suspect[]): Promise<readonly Drift[]> {
    if (batch.length === 0) return []
    lookedAt = migration.now()
    assertCurrent(comparison)
    const looks = await lookAt(
      comparison,
      batch.map(({ key }) => key),
    )
    const drifts: Drift[] = []
    for (const suspect of batch) {
      const seen = looks.get(keyText(suspect.key)) as Look
      const print = seen.counts ? `${printOf(comparison, seen.primaryRow)}|${printOf(comparison, seen.actual)}` : null
      suspect.looks++
      if (seen.difference !== null && print !== null && print === suspect.print) {
        drifts.push({ key: suspect.key, difference: seen.difference, look: seen })
      } else if (seen.difference !== null && !isLag(suspect, seen)) {
        const isLast = suspect.looks >= delays.length + (print === null ? 0 : 1)
        if (!isLast) {
          suspect.print = print
          suspect.witnessed.push(seen.expected)
          queues[suspect.looks]?.push(suspect)
          continue
        }
        undecidedKeys.add(keyText(suspect.key))
      }
      size--
    }
    return drifts
  }

  /** At the end of its looks, a key whose primary keeps changing is in step when the secondary follows. */
  function isLag(suspect: Suspect, seen: Look): boolean {
    const last = suspect.witnessed.at(-1)
    if (suspect.looks < delays.length || last === undefined) return false
    if (textOf(last) === textOf(seen.expected)) return false
    return suspect.witnessed.some((expected) => differenceOf(comparison, expected, seen.actual) === null)
  }

  return {
    get size() {
      return size
    },
    get undecided() {
      return undecidedKeys.size
    },
    undecidedKeys,
    add(key, expected) {
      const text = keyText(key)
      if (known.has(text)) return
      known.add(text)
      size++
      queues[0]?.push({ key, seenAt: migration.now(), witnessed: [expected], looks: 0, print: null })
    },
    async due() {
      const now = migration.now()
      return now - lookedAt < GATHER_MS && size < LOOK_AT_ONCE ? [] : look(take(now))
    },
    async next() {
      const first = Math.min(...queues.flatMap(([suspect]) => (suspect === undefined ? [] : [dueAt(suspect)])))
      const wait = first - migration.now()
      await pause(comparison, wait)
      // By the time that was waited for, whatever a clock that does not move says.
      return look(take(Math.max(first, migration.now())))
    },
  }
}

function textOf(expected: Expected): string {
  if ('error' in expected) return expected.error
  return fingerprint([expected.row, ...(expected.exact ?? [])])
}
