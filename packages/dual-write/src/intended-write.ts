import { randomUUID } from 'node:crypto'
import {
  type EndedCall,
  InvalidOptionError,
  type Migration,
  otherSide,
  recordGap,
  redact,
  type SideName,
  StalePhaseError,
  UnavailableError,
  within,
} from '@twinspan/core'
import { inFlightOf } from './in-flight.ts'

/** How long a caller waits for the mark of a key that nobody knew before the call. */
const NEW_KEY_MS = 1_000

export interface IntendedWrite {
  readonly entity: string
  readonly operation: string
  readonly side: SideName
  /** The keys, as far as the arguments tell them; `undefined` where only the answer does. */
  readonly before: readonly string[] | undefined
  after(answer: unknown): readonly string[]
  call(): unknown
  /** Whether an error says that the call has not taken effect and never will. */
  refused(error: unknown): boolean
}

/**
 * Capture by intent: the keys are on record before the call is made, and are marked when it has ended, however it ended. The
 * answer does not wait for the mark, because the record stands for it until then.
 *
 * @throws StalePhaseError, UnavailableError: the call was not made
 */
export async function sendIntended(migration: Migration, write: IntendedWrite): Promise<unknown> {
  const { entity, side, before } = write
  const inFlight = inFlightOf(migration)
  const { holdMs, quarantineMs } = migration.intents
  const intent = { call: '', entity, keys: before ?? [] }
  for (;;) {
    const began = performance.now()
    intent.call = randomUUID()
    try {
      await inFlight.begin(side, intent)
    } catch (error) {
      if (migration.sides[side].isStalePhase(error)) throw error
      if (migration.onCaptureFailure === 'write-anyway') return sendUnrecorded(migration, write, error)
      throw new UnavailableError(
        `The call of ${entity}.${write.operation} on ${side} could not be recorded, and was not made.`,
        { cause: error },
      )
    }
    // A process that stood still since then may be taken for dead: what it calls now could land on a side that is demoted.
    if (performance.now() - began < holdMs / 2) break
    void inFlight.end(side, { ...intent, keys: [] })
  }

  const end = (keys: readonly string[], quarantine?: number): Promise<void> => {
    const ended: EndedCall = { ...intent, keys, ...(quarantine === undefined ? {} : { quarantineMs: quarantine }) }
    return inFlight.end(side, ended)
  }
  let answer: unknown
  let synchronous = false
  try {
    const called = write.call()
    synchronous = typeof (called as { then?: unknown } | null | undefined)?.then !== 'function'
    answer = await called
  } catch (error) {
    const over = write.refused(error) || migration.sides[side].isStalePhase(error)
    // A call that timed out may still take effect: only who answers can say that it will not.
    void end(intent.keys, over ? undefined : quarantineMs)
    throw error
  }
  let keys: readonly string[] | undefined
  try {
    keys = write.after(answer)
  } catch {
    // The answer is the caller's. Where the arguments told no key either, the call becomes a gap.
    keys = before
  }
  const ended = keys === undefined ? end([], 0) : end([...new Set([...intent.keys, ...keys])])
  if (synchronous) throw new SynchronousWriteError(write.operation, true)
  // Until its mark is there, nobody else can know that the new key is dirty; the caller does know it.
  if (before === undefined) await within(NEW_KEY_MS, 'The mark of a new key', () => ended).catch(() => {})
  return answer
}

/**
 * The journal does not take the call. The gap is on record before the call is made; whether the side is still the primary,
 * the other side's fence has to say.
 */
async function sendUnrecorded(migration: Migration, write: IntendedWrite, error: unknown): Promise<unknown> {
  const { entity, side } = write
  const unavailable = new UnavailableError(
    `The call of ${entity}.${write.operation} on ${side} could neither be recorded nor done without, and was not made.`,
    { cause: error },
  )
  const { epoch } = migration.snapshot
  const found = await within(NEW_KEY_MS, `the fence of ${otherSide(side)}`, () =>
    migration.sides[otherSide(side)].fence.read(),
  ).catch(() => {
    throw unavailable
  })
  if (found === undefined) throw unavailable
  if (found.row.epoch !== epoch) throw new StalePhaseError(side, 'the phase has changed')
  await recordGap(migration, entity, error).catch(() => {
    throw unavailable
  })
  try {
    return await write.call()
  } finally {
    migration.events.emit({ type: 'capture-gap', entity, error: redact(error) })
    // Once more after the call: a sweep that began between the first record and the call has not seen the write.
    void recordGap(migration, entity, error).catch(() => {})
  }
}

/** A repository that answers at once cannot wait for the record of its call. */
export class SynchronousWriteError extends InvalidOptionError {
  constructor(operation: string, made: boolean) {
    const why = `a method that returns a promise, because capture is 'intent' (the call was ${made ? 'made, and is captured' : 'not made'})`
    super(`operations.${operation}`, 'a synchronous method', why)
  }
}
