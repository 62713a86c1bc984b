/** What the director and its processes say to each other. */
export type FromChild =
  | { readonly type: 'ready'; readonly value: unknown }
  | { readonly type: 'event'; readonly value: unknown }
  | { readonly type: 'result'; readonly id: number; readonly value?: unknown; readonly error?: string }

export type ToChild = {
  readonly type: 'call'
  readonly id: number
  readonly method: string
  readonly argument?: unknown
}

/** The call that every process answers by ending in order. */
export const STOP = 'stop'
