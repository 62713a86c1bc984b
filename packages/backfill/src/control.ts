import type { Entity, Json, Migration, MigrationStore } from '@twinspan/core'
import type { Job } from './job.ts'
import { type LiveOptions, liveSettingsOf } from './options.ts'
import { reach } from './reach.ts'

/** What all workers of a backfill were told. */
export interface ControlState {
  readonly order: 'go' | 'pause' | 'cancel'
  /** What stands above the options of every worker. */
  readonly options: LiveOptions
}

/** Steers a backfill from any process. Workers look before each chunk, and at every look during a pause. */
export interface BackfillControl {
  /** Every worker waits after the chunk at work, keeps what it has claimed, and says `paused`. */
  pause(): Promise<void>
  /** Every worker ends after the chunk at work, and one that is started ends at once, until `resume`. */
  cancel(): Promise<void>
  /** Takes back what `pause` or `cancel` ordered. */
  resume(): Promise<void>
  /**
   * Changes options of all workers, those of the future included. An option that is not named stays as it was ordered;
   * `undefined` gives each worker its own again.
   */
  configure(options: { readonly [Name in keyof LiveOptions]: LiveOptions[Name] | undefined }): Promise<void>
  read(): Promise<ControlState>
}

const NOTHING: ControlState = { order: 'go', options: {} }

export function backfillControl({ store }: Migration, { name }: Entity): BackfillControl {
  async function change(next: (state: ControlState) => ControlState): Promise<void> {
    for (;;) {
      const { state, version } = await readControl(store, name)
      const value = next(state) as unknown as Json
      if (await store.putDocument(documentOf(name), value, { expected: version })) return
    }
  }
  const order = (given: ControlState['order']) => (): Promise<void> => change((state) => ({ ...state, order: given }))
  return {
    pause: order('pause'),
    cancel: order('cancel'),
    resume: order('go'),
    async configure(options) {
      liveSettingsOf(options as LiveOptions)
      // What is not defined is not stored.
      await change((state) => JSON.parse(JSON.stringify({ ...state, options: { ...state.options, ...options } })))
    },
    read: async () => (await readControl(store, name)).state,
  }
}

/** What this worker is to do now. New options hold from now on. */
export async function followControl({ migration, entity, settings, own }: Job): Promise<ControlState['order']> {
  const { state } = await reach('store', () => readControl(migration.store, entity.name))
  Object.assign(settings, own, state.options)
  return state.order
}

async function readControl(
  store: MigrationStore,
  entity: string,
): Promise<{ readonly state: ControlState; readonly version: number }> {
  const found = await store.getDocument(documentOf(entity))
  return { state: (found?.value ?? NOTHING) as unknown as ControlState, version: found?.version ?? 0 }
}

function documentOf(entity: string): string {
  return `backfill-control:${entity}`
}
