/**
 * The protocol of a chunk, of the mirror and of the live writes around them, for one key: small enough to look at every
 * interleaving of their steps, crashes included.
 */
export interface State {
  /** The version that each side holds; 0: no row. */
  readonly legacy: number
  readonly target: number
  readonly newest: number
  /** Ids of the journal's rows, as bits. */
  readonly journal: number
  readonly nextMark: number
  readonly mirrors: readonly [Mirror, Mirror]
  readonly chunk: Chunk
  readonly writesLeft: number
  readonly mirrorCrashesLeft: number
  readonly chunkCrashesLeft: number
}

interface Mirror {
  readonly at: 'idle' | 'has-seen' | 'has-locked' | 'has-read' | 'has-committed'
  /** The journal rows that were seen before the lock. */
  readonly seen: number
  readonly row: number
}

interface Chunk {
  readonly at:
    | 'begin'
    | 'has-read'
    | 'has-inserted'
    | 'has-legacy-digest'
    | 'has-target-digest'
    | 'must-read-keys'
    | 'has-seen-target'
    | 'has-seen-legacy'
    | 'done'
  readonly row: number
  /** What the comparison found on the target. */
  readonly onTarget: boolean
  /** What legacy's digest of the key said, of the two that are asked for at once. */
  readonly onLegacy: boolean
  readonly mustMark: boolean
  /** In this run, which a crash forgets. */
  readonly inserted: boolean
  readonly checkpoint: boolean
}

/** A protocol that differs from ours in one point. */
export type Mistake =
  | 'inserts over what is there'
  | 'does not compare'
  | 'compares from memory'
  | 'moves the checkpoint before the comparison'
  | 'asks the journal instead of comparing'
  | 'compares before the insert'
  | 'takes the digest of legacy before the insert'

const IDLE: Mirror = { at: 'idle', seen: 0, row: 0 }
const BEGIN: Chunk = {
  at: 'begin',
  row: 0,
  onTarget: false,
  onLegacy: false,
  mustMark: false,
  inserted: false,
  checkpoint: false,
}

export function start(legacy: 0 | 1, limits: { readonly writes: number; readonly crashes: number }): State {
  return {
    legacy,
    target: 0,
    newest: 1,
    journal: 0,
    nextMark: 1,
    mirrors: [IDLE, IDLE],
    chunk: BEGIN,
    writesLeft: limits.writes,
    mirrorCrashesLeft: limits.crashes,
    chunkCrashesLeft: limits.crashes,
  }
}

/** Nobody is at work and nothing is marked: both sides have to agree. */
export function isBad({ legacy, target, journal, mirrors, chunk }: State): boolean {
  const atRest = journal === 0 && chunk.at === 'done' && mirrors.every(({ at }) => at === 'idle')
  return atRest && legacy !== target
}

export function* successors(state: State, mistake?: Mistake): Generator<State> {
  yield* liveWrites(state)
  yield* mirrorSteps(state, 0)
  yield* mirrorSteps(state, 1)
  yield* chunkSteps(state, mistake)
}

function* liveWrites(state: State): Generator<State> {
  if (state.writesLeft === 0) return
  const written = { ...marked(state), writesLeft: state.writesLeft - 1 }
  yield { ...written, legacy: state.newest + 1, newest: state.newest + 1 }
  if (state.legacy !== 0) yield { ...written, legacy: 0 }
}

function marked(state: State): State {
  return { ...state, journal: state.journal | state.nextMark, nextMark: state.nextMark << 1 }
}

function* mirrorSteps(state: State, which: 0 | 1): Generator<State> {
  const mirror = state.mirrors[which]
  const other = state.mirrors[which === 0 ? 1 : 0]
  const move = (next: Partial<Mirror>, change: Partial<State> = {}): State => {
    const moved = { ...mirror, ...next }
    return { ...state, ...change, mirrors: which === 0 ? [moved, other] : [other, moved] }
  }
  if (mirror.at !== 'idle' && state.mirrorCrashesLeft > 0) {
    yield move(IDLE, { mirrorCrashesLeft: state.mirrorCrashesLeft - 1 })
  }
  switch (mirror.at) {
    case 'idle':
      if (state.journal !== 0) yield move({ at: 'has-seen', seen: state.journal })
      return
    case 'has-seen':
      if (other.at !== 'has-locked' && other.at !== 'has-read') yield move({ at: 'has-locked' })
      return
    case 'has-locked':
      yield move({ at: 'has-read', row: state.legacy })
      return
    case 'has-read':
      yield move({ at: 'has-committed' }, { target: mirror.row })
      return
    case 'has-committed':
      yield move(IDLE, { journal: state.journal & ~mirror.seen })
  }
}

function* chunkSteps(state: State, mistake?: Mistake): Generator<State> {
  const { chunk } = state
  const move = (next: Partial<Chunk>, change: Partial<State> = {}): State => ({
    ...state,
    ...change,
    chunk: { ...chunk, ...next },
  })
  if (chunk.at !== 'done' && state.chunkCrashesLeft > 0) {
    const again: Chunk = chunk.checkpoint ? { ...BEGIN, at: 'done' } : BEGIN
    yield move(again, { chunkCrashesLeft: state.chunkCrashesLeft - 1 })
  }
  switch (chunk.at) {
    case 'begin':
      yield move({
        at: 'has-read',
        row: state.legacy,
        onLegacy: mistake === 'takes the digest of legacy before the insert' && state.legacy !== 0,
        mustMark: mistake === 'compares before the insert' && state.target !== 0 && state.legacy === 0,
      })
      return
    case 'has-read': {
      const inserts = chunk.row !== 0 && (state.target === 0 || mistake === 'inserts over what is there')
      const checkpoint = mistake === 'moves the checkpoint before the comparison'
      yield move({ at: 'has-inserted', row: 0, inserted: inserts, checkpoint }, inserts ? { target: chunk.row } : {})
      return
    }
    case 'has-inserted':
      if (mistake === undefined) {
        yield move({ at: 'has-legacy-digest', inserted: false, onLegacy: state.legacy !== 0 })
        yield move({ at: 'has-target-digest', inserted: false, onTarget: state.target !== 0 })
      } else if (mistake === 'takes the digest of legacy before the insert') {
        yield move({ at: 'has-legacy-digest', inserted: false })
      }
      yield* readKeys()
      return
    case 'has-legacy-digest':
      yield move(afterDigests(chunk.onLegacy, state.target !== 0))
      return
    case 'has-target-digest':
      yield move(afterDigests(state.legacy !== 0, chunk.onTarget))
      return
    case 'must-read-keys':
      yield* readKeys()
      return
    case 'has-seen-target':
      yield move({ at: 'has-seen-legacy', onTarget: false, mustMark: mustMark(state, mistake) })
      return
    case 'has-seen-legacy':
      yield { ...(chunk.mustMark ? marked(state) : state), chunk: { ...BEGIN, at: 'done' } }
      return
    case 'done':
  }

  function* readKeys(): Generator<State> {
    yield move({
      at: 'has-seen-target',
      inserted: false,
      onTarget: mistake === 'compares from memory' ? chunk.inserted : state.target !== 0,
    })
  }
}

/** Digests that agree end the chunk; where they do not, the keys are read. */
function afterDigests(onLegacy: boolean, onTarget: boolean): Partial<Chunk> {
  return onLegacy === onTarget ? { ...BEGIN, at: 'done' } : { at: 'must-read-keys', onLegacy: false, onTarget: false }
}

function mustMark({ chunk, legacy, journal }: State, mistake?: Mistake): boolean {
  if (mistake === 'does not compare') return false
  if (mistake === 'compares before the insert') return chunk.mustMark
  if (mistake === 'asks the journal instead of comparing') return journal !== 0
  return chunk.onTarget && legacy === 0
}
