import type { CaptureMode } from '@twinspan/core'
import type { Failpoint, Strike } from './failpoints.ts'
import type { Addresses } from './world.ts'

/** What a write leaves behind at one key: a value, unique in the campaign, or `null` where the row is gone. */
export type Effect = readonly [key: number, value: string | null]

/** Who writes to both stores. */
export type Subject = 'twinspan' | 'launchdarkly'

/** What a process is told when it is started, as JSON. */
export interface Orders extends Addresses {
  readonly subject: Subject
  readonly capture: CaptureMode
  /** Counts the processes of the campaign; what the process writes carries it. */
  readonly index: number
  readonly seed: number
  readonly strike?: Strike
  /** How many users write at once. */
  readonly users: number
  /** The longest that a user waits between two calls. */
  readonly pauseMs: number
  /** In the beginning users wait less, so that everything is compiled that ever will be. */
  readonly warmUp?: { readonly ms: number; readonly pauseMs: number }
  /** Everybody writes the keys below this number, again and again, and no others. */
  readonly onlyKeysBelow?: number
  /** Every so often the process collects its garbage and tells what is left. */
  readonly heapEveryMs?: number
  /** For a worker: all history has been copied once, so that what a sweep finds is drift. */
  readonly backfilled?: boolean
}

/** What a process tells. `at` is the machine's monotonic clock in nanoseconds, as text. */
export type Message =
  | { readonly type: 'ready' }
  /** Sent before the write is: nothing of what it may leave behind is a surprise. */
  | { readonly type: 'begin'; readonly id: number; readonly at: string; readonly possible: readonly Effect[] }
  | {
      readonly type: 'end'
      readonly id: number
      readonly at: string
      readonly effects: readonly Effect[]
      /** What a row was before this very write. */
      readonly before?: Effect
    }
  | { readonly type: 'error'; readonly id: number; readonly at: string; readonly error: string }
  | { readonly type: 'read'; readonly begun: string; readonly at: string; readonly error?: string }
  /** A user did not find what it had left. */
  | { readonly type: 'missed'; readonly what: string }
  /** The process is about to stop itself. */
  | { readonly type: 'stopping'; readonly at: Failpoint }
  /** A worker changed something, or could not. */
  | { readonly type: 'did'; readonly what: string }
  | { readonly type: 'refused'; readonly what: string; readonly why: string }
  /** A sweep found a key that differs and that no journal row explains. */
  | { readonly type: 'drift'; readonly found: string }
  | { readonly type: 'heap'; readonly used: number; readonly at: string }

/** What a process is told later: to end, or, a worker, to switch the primary next. */
export type Command = 'stop' | 'switch'

export function ordersOf(argv: readonly string[]): Orders {
  return JSON.parse(argv[2] ?? '') as Orders
}

/** Sends a message and returns when it is on its way, whatever becomes of the process next. */
export function tell(message: Message): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve()
    else process.send(message, () => resolve())
  })
}

export function now(): string {
  return String(process.hrtime.bigint())
}
