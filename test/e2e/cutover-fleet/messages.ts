import type { Place } from './stores.ts'

/** What a process of the service is told when it starts, as JSON in its first argument. */
export interface Orders {
  readonly legacy: Place
  readonly target: Place
  /** Which of the processes this is, and of how many. */
  readonly index: number
  readonly processes: number
  readonly users: number
  /** Changes per second, of all its users together. */
  readonly rate: number
  /** Accounts that there are from the beginning, with ids from 1. */
  readonly seeded: number
  readonly refreshMs: number
}

export type Command = 'begin' | 'end'

/** A change that a user made: when it was sent, in milliseconds since 1970, and how long its answer took. */
export type Made = readonly [op: string, sentAt: number, tookMs: number]

export type News =
  | { readonly type: 'ready' }
  | {
      readonly type: 'ended'
      readonly made: readonly Made[]
      readonly errors: readonly string[]
      /** The points of every account of its users that must exist. */
      readonly expected: readonly (readonly [id: number, points: number])[]
    }
