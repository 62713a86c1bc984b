import type { Strike } from '../failpoints.ts'
import type { Message } from '../messages.ts'
import type { Addresses } from '../world.ts'

/** What a worker is made to do wrong, so that the judge has something to find. */
export const MISTAKES = ['overwrites', 'compares-nothing', 'begins-again'] as const

export type Mistake = (typeof MISTAKES)[number]

/** How rows are translated. */
export const MAPPINGS = ['columns', 'functions'] as const

export type Mapping = (typeof MAPPINGS)[number]

/** What a process is told when it is started, as JSON. */
export interface Orders extends Addresses {
  readonly seed: number
  /** Whether rows are renamed column by column, or translated by functions. */
  readonly mapping: Mapping
}

/** What a worker is told when its turn has come. */
export interface Turn {
  readonly strike?: Strike
  readonly maxChunkRows: number
  readonly claimMs: number
  /** How long it waits between reading a chunk and writing it, for others to come in between. */
  readonly dwellMs: number
  readonly mistake?: Mistake
}

export interface UserOrders extends Orders {
  /** How many of them there are in this process, and which number the first one has among all. */
  readonly users: number
  readonly first: number
  readonly ofAll: number
  /** The largest key that history begins with. */
  readonly lastKey: number
  /** The longest that a user waits between two calls. */
  readonly pauseMs: number
}

/** What a worker tells. */
export type WorkerMessage =
  | { readonly type: 'waiting' }
  /** Sent before the read is. `after`: the last key that it leaves out; `-1`: none. */
  | { readonly type: 'reading'; readonly after: number }
  /** Sent before a part of what was read is written. `from`: its first key. */
  | { readonly type: 'writing'; readonly from: number; readonly rows: number; readonly asText: boolean }
  | { readonly type: 'done'; readonly rows: number; readonly inserted: number; readonly marked: number }
  | { readonly type: 'failed'; readonly error: string }

/** What users tell: the writes among the messages of the campaign of all chaos. */
export type UserMessage = Extract<Message, { readonly type: 'ready' | 'begin' | 'end' | 'error' }>

/** What users are told: where the backfill is at work, or to end. */
export type UserCommand = { readonly after: number; readonly rows: number } | 'stop'

export function tell(message: WorkerMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve()
    else process.send(message, () => resolve())
  })
}

/** What the next message says. */
export function hear<Command>(): Promise<Command> {
  return new Promise((resolve) => void process.once('message', (command) => resolve(command as Command)))
}
