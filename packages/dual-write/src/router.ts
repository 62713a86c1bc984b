import type { SideName } from '@twinspan/core'

/** What a canary read asks. `@twinspan/router` is one; so is any object with this method. */
export interface Decider {
  /** Whose turn it is to answer. Synchronous, sticky, no I/O. */
  decide(unit: string): { readonly side: SideName }
}
