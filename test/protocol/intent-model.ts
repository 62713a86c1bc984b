import { layout, type Model, type State, Successors } from './explore.ts'

/** What a careless implementation would do instead. Each must lead to a bad end somewhere. */
export const INTENT_MISTAKES = [
  'a mark before the call instead of an intent',
  'the intent after the call',
  'begin without asking the fence',
  'the intent removed before the mark is made',
  'the mark of an end is one that is there already',
  'no mark at the end',
  'the intent of the dead is removed without a mark',
  'no quarantine for the calls of the dead',
  'no mark at the end of the quarantine',
  'a call that was given up is over',
  'sent though the hold may have run out',
  'a copier takes an intent for a mark',
  'the switch does not wait for intents',
  'the switch does not wait for a quarantine',
] as const

export type IntentMistake = (typeof INTENT_MISTAKES)[number]

// Where an owner stands within its call, and where the call is: nothing but the network decides when it lands.
const OWNER = { ready: 0, begun: 1, sent: 2, over: 3, unmarked: 4 } as const
const CALL = { unsent: 0, flying: 1, landed: 2 } as const
const INTENT = { none: 0, held: 1, quarantined: 2 } as const
const COPIER = { idle: 0, seen: 1, read: 2, written: 3 } as const
const SWITCH = { open: 0, closed: 1, decided: 2 } as const

const CALLS = [0, 1] as const
type Caller = (typeof CALLS)[number]

const { at, size } = layout({
  legacy: 1,
  target: 1,
  /** A call landed on legacy after the switch. */
  astray: 1,
  fence: 1,
  /** Per call. */
  owner: 2,
  call: 2,
  intent: 2,
  /** How often the owner has begun anew. */
  again: 2,
  /** Rows of the journal, as bits: every row that is ever made is one of its own. */
  marks: 2,
  copier: 1,
  seen: 2,
  read: 1,
})

const MARK = { end: 0, death: 1, release: 3 } as const

/** How much of it there is: two calls, or one whose owner may begin anew when it has stood still. */
export interface IntentStory {
  readonly calls: 1 | 2
  readonly beginsAgain: boolean
}

/**
 * One key of an opaque legacy, owners that each make one call, may stop for any time and may die anywhere; calls that
 * land whenever the network likes, though not later than the quarantine; one copier; and a switch that may be undone.
 */
export function intentModel({ calls, beginsAgain }: IntentStory, mistake?: IntentMistake): Model {
  const made = (one: IntentMistake): boolean => mistake === one
  const initial = new Uint8Array(size)
  if (calls === 1) initial[at.owner + 1] = OWNER.over
  const isMarked = (state: State): boolean => CALLS.some((call) => state[at.marks + call] !== 0)
  const is = (state: State, place: number, value: number): boolean => state[place] === value

  function mark(s: State, call: Caller, which: keyof typeof MARK): void {
    const again = which === 'end' ? 0 : (s[at.again + call] ?? 0)
    s[at.marks + call] = (s[at.marks + call] ?? 0) | (1 << (MARK[which] + again))
  }

  function next(state: State): Model['next'] extends (s: State) => infer R ? R : never {
    const out = new Successors(state)
    for (const call of CALLS) {
      owns(state, out, call)
      seesTo(state, out, call)
    }
    copies(state, out)
    switches(state, out)
    return out.list
  }

  function owns(state: State, out: Successors, call: Caller): void {
    const [owner, flight, intent] = [at.owner + call, at.call + call, at.intent + call]
    const label = `owner ${call}`
    const where = state[owner]
    const ends = (s: State): void => {
      s[owner] = OWNER.over
    }

    if (where === OWNER.ready) {
      const accepted = is(state, at.fence, SWITCH.open) || made('begin without asking the fence')
      if (accepted) {
        out.add(`${label}: begins`, (s) => {
          s[owner] = OWNER.begun
          if (made('a mark before the call instead of an intent')) mark(s, call, 'end')
          else if (!made('the intent after the call')) s[intent] = INTENT.held
        })
      }
      // What is refused is sent to the other side, which is none of this model's business.
      if (is(state, at.fence, SWITCH.decided)) out.add(`${label}: goes to target`, ends)
    }
    if (where === OWNER.begun) {
      // An owner that stood still looks at its clock: its hold has not run out.
      const held =
        is(state, intent, INTENT.held) ||
        made('a mark before the call instead of an intent') ||
        made('the intent after the call') ||
        made('sent though the hold may have run out')
      if (held) {
        out.add(`${label}: sends`, (s) => {
          s[owner] = OWNER.sent
          s[flight] = CALL.flying
        })
      } else {
        out.add(`${label}: gives its intent back`, (s) => {
          s[intent] = INTENT.none
          s[owner] = !beginsAgain || is(s, at.again + call, 1) ? OWNER.over : OWNER.ready
          s[at.again + call] = 1
        })
      }
    }
    if (is(state, flight, CALL.flying)) {
      out.add(`call ${call}: lands`, (s) => {
        s[flight] = CALL.landed
        s[at.legacy] = call + 1
        if (is(s, at.fence, SWITCH.decided)) s[at.astray] = 1
      })
    }
    if (where === OWNER.sent && is(state, flight, CALL.landed)) {
      out.add(`${label}: hears and ends`, (s) => {
        s[intent] = INTENT.none
        if (made('the intent removed before the mark is made')) {
          s[owner] = OWNER.unmarked
          return
        }
        const present = isMarked(s)
        if (made('no mark at the end') || made('a mark before the call instead of an intent')) return ends(s)
        if (!(made('the mark of an end is one that is there already') && present)) mark(s, call, 'end')
        ends(s)
      })
    }
    if (where === OWNER.sent) {
      out.add(`${label}: gives up on its call`, (s) => {
        mark(s, call, 'end')
        s[intent] = made('a call that was given up is over') ? INTENT.none : INTENT.quarantined
        ends(s)
      })
    }
    if (where === OWNER.unmarked) {
      out.add(`${label}: marks`, (s) => {
        mark(s, call, 'end')
        ends(s)
      })
    }
    if (where === OWNER.begun || where === OWNER.sent || where === OWNER.unmarked) {
      out.add(`${label}: dies`, ends)
    }
  }

  /** What any process does with intents whose hold, or whose quarantine, is over. */
  function seesTo(state: State, out: Successors, call: Caller): void {
    const intent = at.intent + call
    if (is(state, intent, INTENT.held)) {
      // The owner is dead, or stands still: nobody can tell.
      out.add(`intent ${call}: its hold runs out`, (s) => {
        const removed = made('the intent of the dead is removed without a mark')
        if (!removed) mark(s, call, 'death')
        s[intent] = removed || made('no quarantine for the calls of the dead') ? INTENT.none : INTENT.quarantined
      })
    }
    // The one thing that is assumed of time: a call does not land later than this.
    if (is(state, intent, INTENT.quarantined) && !is(state, at.call + call, CALL.flying)) {
      out.add(`intent ${call}: its quarantine is over`, (s) => {
        s[intent] = INTENT.none
        if (!made('no mark at the end of the quarantine')) mark(s, call, 'release')
      })
    }
  }

  function copies(state: State, out: Successors): void {
    const forget = (s: State): void => {
      s[at.copier] = COPIER.idle
      for (const call of CALLS) s[at.seen + call] = 0
      s[at.read] = 0
    }
    const intents = made('a copier takes an intent for a mark') && CALLS.some((call) => !is(state, at.intent + call, 0))
    if (is(state, at.copier, COPIER.idle)) {
      if (!isMarked(state) && !intents) return
      out.add('copier: reads the journal', (s) => {
        s[at.copier] = COPIER.seen
        for (const call of CALLS) s[at.seen + call] = s[at.marks + call] ?? 0
      })
      return
    }
    if (is(state, at.copier, COPIER.seen) && !is(state, at.fence, SWITCH.decided)) {
      out.add('copier: reads legacy', (s) => {
        s[at.copier] = COPIER.read
        s[at.read] = s[at.legacy] ?? 0
      })
    }
    // Its transaction holds the fence of target, which a switch would have waited for.
    if (is(state, at.copier, COPIER.read)) {
      out.add('copier: commits', (s) => {
        s[at.copier] = COPIER.written
        s[at.target] = s[at.read] ?? 0
      })
    }
    if (is(state, at.copier, COPIER.written)) {
      out.add('copier: removes what it saw', (s) => {
        for (const call of CALLS) s[at.marks + call] = (s[at.marks + call] ?? 0) & ~(s[at.seen + call] ?? 0)
        if (intents) for (const call of CALLS) s[at.intent + call] = INTENT.none
        forget(s)
      })
    }
    out.add('copier: dies', forget)
  }

  function switches(state: State, out: Successors): void {
    if (is(state, at.fence, SWITCH.open)) {
      out.add('switch: closes the fence', (s) => {
        s[at.fence] = SWITCH.closed
      })
    }
    if (!is(state, at.fence, SWITCH.closed)) return
    out.add('switch: is undone', (s) => {
      s[at.fence] = SWITCH.open
    })
    const waitsFor = (call: Caller): boolean =>
      (is(state, at.intent + call, INTENT.held) && !made('the switch does not wait for intents')) ||
      (is(state, at.intent + call, INTENT.quarantined) && !made('the switch does not wait for a quarantine'))
    if (!isMarked(state) && !CALLS.some(waitsFor) && !is(state, at.copier, COPIER.read)) {
      out.add('switch: decides', (s) => {
        s[at.fence] = SWITCH.decided
      })
    }
  }

  function wrong(state: State): string | undefined {
    if (state[at.astray] === 1) return 'a call landed on legacy, which is the primary no more'
    const dirty = isMarked(state) || CALLS.some((call) => !is(state, at.intent + call, INTENT.none))
    const atWork = CALLS.some(
      (call) => is(state, at.call + call, CALL.flying) || is(state, at.owner + call, OWNER.unmarked),
    )
    // I5, and at the switch whatever is still under way.
    const settled = (!dirty && !atWork) || is(state, at.fence, SWITCH.decided)
    if (!settled || state[at.legacy] === state[at.target]) return undefined
    return `the key is ${state[at.legacy]} on legacy and ${state[at.target]} on target`
  }

  const atRest = (state: State): boolean =>
    !isMarked(state) &&
    CALLS.every((call) => is(state, at.intent + call, INTENT.none) && is(state, at.owner + call, OWNER.over))

  return { initial, next, wrong, atRest }
}
