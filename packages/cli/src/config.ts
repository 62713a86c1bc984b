import type { Migration } from '@twinspan/core'
import type { CutoverOptions } from '@twinspan/cutover'
import type { MirrorOptions } from '@twinspan/dual-write'
import type { RouterOptions } from '@twinspan/router'

/** What the command line has to know of a migration. */
export interface Config {
  /** The same as in the service: name, sides, entities. Not started. */
  readonly migration: Migration
  /** What the service gives `createRouter`, for `ramp`, `kill` and `rearm`. */
  readonly router?: RouterOptions
  /** What a switch demands, for `plan`, `advance` and `rollback`. */
  readonly cutover?: CutoverOptions
  /**
   * The mirror that runs for as long as a command that needs one: `backfill`, `reconcile --repair`, `advance`, `rollback`. It shares
   * the work with those of the services. `false`: theirs are enough.
   *
   * @default {}
   */
  readonly mirror?: MirrorOptions | false
  /** Closes the connections. Called at the end of every command. */
  close?(): void | Promise<void>
}

/** A configuration, or what opens one. */
export type ConfigSource = Config | (() => Config | Promise<Config>)

/**
 * The default export of `twinspan.config.ts`.
 *
 * @example
 * export default defineConfig(() => ({ migration, router: { unit: 'user' }, close: () => db.destroy() }))
 */
export function defineConfig<Source extends ConfigSource>(source: Source): Source {
  return source
}
