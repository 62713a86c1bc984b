/**
 * A process that copies history: `node worker.ts <orders>`. It waits for its turn, so that the next one is at hand when it is
 * killed, and tells of every chunk before it reads it.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { type BackfillProgress, backfill } from '@twinspan/backfill'
import { type BulkStore, type EntityStore, JobClaimedError, type Key } from '@twinspan/core'
import { createPass, watchedSide, watchedStateStore, watchedStore } from '../failpoints.ts'
import { hear, type Mistake, type Orders, type Turn, tell } from './messages.ts'
import { openWorld } from './records.ts'

process.on('disconnect', () => process.exit(0))

const orders = JSON.parse(process.argv[2] ?? '') as Orders
await tell({ type: 'waiting' })
const turn = await hear<Turn>()
const pass = createPass(turn.strike, () => Promise.resolve())

/** The same store, with some of its methods done in another way. */
function instead<Store extends object>(store: Store, methods: Partial<EntityStore>): Store {
  return new Proxy(store, { get: (target, name) => Reflect.get(name in methods ? methods : target, name) })
}

/** Tells of every chunk that is read: as rows by a scan, or as text. The comparison reads keys. */
function reading(store: EntityStore): Partial<EntityStore> {
  const { bulk } = store
  const told = async <Read>(after: Key | undefined, read: () => Promise<Read>): Promise<Read> => {
    await tell({ type: 'reading', after: Number(after ?? -1) })
    const found = await read()
    await wait(turn.dwellMs)
    return found
  }
  return {
    scan: (range, options) =>
      // A start reads one row to try the translation on.
      range.limit === 1 ? store.scan(range, options) : told(range.after, () => store.scan(range, options)),
    ...(bulk?.readTexts === undefined
      ? {}
      : {
          bulk: {
            ...bulk,
            readTexts: (stretch, ...rest) => told(stretch.after, async () => bulk.readTexts?.(stretch, ...rest)),
          } satisfies BulkStore,
        }),
  }
}

/** Tells of everything that is written. */
function writing(store: EntityStore): EntityStore {
  const { bulk } = store
  return instead(store, {
    async insertMissing(rows, options) {
      await tell({ type: 'writing', from: Number(store.key?.(rows[0])), rows: rows.length, asText: false })
      return (await store.insertMissing?.(rows, options)) ?? { inserted: 0, conflicts: [] }
    },
    ...(bulk?.insertTexts === undefined
      ? {}
      : {
          bulk: {
            ...bulk,
            async insertTexts(stretch, texts, ...rest) {
              await tell({ type: 'writing', from: Number(texts.keys[0]), rows: texts.keys.length, asText: true })
              const outcome = await bulk.insertTexts?.(stretch, texts, ...rest)
              await pass('backfill.inserted')
              return outcome
            },
          } satisfies BulkStore,
        }),
  })
}

const WRONG: Readonly<Record<Mistake, (target: EntityStore) => Partial<EntityStore>>> = {
  overwrites: (target) => ({
    async insertMissing(rows, options) {
      await target.save(rows, options)
      return { inserted: rows.length, conflicts: [] }
    },
    ...(target.bulk === undefined ? {} : { bulk: { holdsKeys: target.bulk.holdsKeys } }),
  }),
  'compares-nothing': ({ bulk }) => ({
    scanKeys: async () => [],
    ...(bulk === undefined ? {} : { bulk: { ...bulk, holdsKeys: async () => false } }),
  }),
  'begins-again': () => ({}),
}

const { migration, records } = openWorld(orders, orders.mapping, {
  side: (side) => watchedSide(side, pass),
  stateStore: (store) => watchedStateStore(store, pass),
  store(name, store) {
    const watched = watchedStore(store, pass)
    const plain = watched as unknown as EntityStore
    if (name === 'legacy') return instead(watched, reading(plain))
    const told = writing(plain)
    const made = turn.mistake === undefined ? told : instead(told, WRONG[turn.mistake](told))
    return made as unknown as typeof store
  },
})

async function copy(): Promise<BackfillProgress | undefined> {
  const { maxChunkRows, claimMs, mistake } = turn
  const restart = mistake === 'begins-again'
  let last: BackfillProgress | undefined
  for await (const progress of backfill(migration, records, { maxChunkRows, maxLegacyLoad: 1, claimMs, restart })) {
    last = progress
  }
  return last
}

await migration.start()
for (;;) {
  try {
    const last = await copy()
    await tell({ type: 'done', rows: last?.rows ?? 0, inserted: last?.inserted ?? 0, marked: last?.marked ?? 0 })
    break
  } catch (error) {
    // Somebody who was killed has it still.
    if (!(error instanceof JobClaimedError)) {
      await tell({ type: 'failed', error: String(error) })
      throw error
    }
    await wait(50)
  }
}
await migration.stop()
process.exit(0)
