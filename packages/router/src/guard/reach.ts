import type { Document, Json, Migration } from '@twinspan/core'
import { createUnitCount, type UnitCount } from './unit-count.ts'

/** Below it each process has a document per version of the rollout with whom target was shown to. */
const REACH = 'reach:'

/** What target was asked in some time: how far a fault of it can have reached. */
export interface Reached {
  /** Different units that target answered, give or take three per cent. */
  readonly units: number
  /** Reads that target answered, or failed to. */
  readonly operations: number
  /** Compared reads that differed. */
  readonly mismatches: number
  /** Keys that were handed to the mirror, to be copied again. */
  readonly handedOver: number
}

/** What this process has to say about it. */
export interface Reach {
  /** A read that target was asked, by a process that goes by `epoch` of the rollout. */
  operation(epoch: number, unit: string | undefined): void
  mismatch(epoch: number): void
  handedOver(epoch: number, keys: number): void
  /** Writes what has changed. Rejects when the store does not take it; nothing is lost by that. */
  flush(): Promise<void>
}

interface Tally {
  readonly units: UnitCount
  operations: number
  mismatches: number
  handedOver: number
  isChanged: boolean
}

interface StoredReach {
  readonly units: string
  readonly operations: number
  readonly mismatches: number
  readonly handedOver: number
}

/** The document of a process; epochs are written so that a prefix names one. */
function documentOf(epoch: number, instance: string): string {
  return `${REACH}${epoch}:${instance}`
}

export function createReach(migration: Migration): Reach {
  const tallies = new Map<number, Tally>()

  function tallyOf(epoch: number): Tally {
    const existing = tallies.get(epoch)
    const tally = existing ?? { units: createUnitCount(), operations: 0, mismatches: 0, handedOver: 0, isChanged: true }
    tally.isChanged = true
    tallies.set(epoch, tally)
    return tally
  }

  return {
    operation(epoch, unit) {
      const tally = tallyOf(epoch)
      tally.operations++
      if (unit !== undefined) tally.units.add(unit)
    },
    mismatch(epoch) {
      tallyOf(epoch).mismatches++
    },
    handedOver(epoch, keys) {
      tallyOf(epoch).handedOver += keys
    },
    async flush() {
      const newest = Math.max(...tallies.keys())
      for (const [epoch, tally] of tallies) {
        if (tally.isChanged) {
          tally.isChanged = false
          const { operations, mismatches, handedOver } = tally
          const value = { units: tally.units.text(), operations, mismatches, handedOver } satisfies Json
          try {
            await migration.store.putDocument(documentOf(epoch, migration.instance), value)
          } catch (error) {
            tally.isChanged = true
            throw error
          }
        }
        // Reads that began under the version before may still end.
        if (epoch < newest - 1) tallies.delete(epoch)
      }
    },
  }
}

/** What all processes have reached under the versions of the rollout that `isMeant` names. */
export async function readReach(
  migration: Migration,
  isMeant: (epoch: number) => boolean,
  prefix: string = REACH,
): Promise<Reached> {
  const units = createUnitCount()
  let [operations, mismatches, handedOver] = [0, 0, 0]
  for (const [name, document] of await migration.store.listDocuments(prefix)) {
    if (!isMeant(epochOf(name))) continue
    const stored = storedIn(document)
    units.merge(stored.units)
    operations += stored.operations
    mismatches += stored.mismatches
    handedOver += stored.handedOver
  }
  return { units: units.estimate(), operations, mismatches, handedOver }
}

/** The same for one version. */
export function readReachAt(migration: Migration, epoch: number): Promise<Reached> {
  return readReach(migration, (other) => other === epoch, `${REACH}${epoch}:`)
}

/** Removes what earlier attempts have left. */
export async function forgetReach(migration: Migration, before: number): Promise<void> {
  const names = [...(await migration.store.listDocuments(REACH)).keys()].filter((name) => epochOf(name) < before)
  if (names.length > 0) await migration.store.removeDocuments(names)
}

function epochOf(name: string): number {
  return Number(name.slice(REACH.length).split(':')[0])
}

function storedIn({ value }: Document): StoredReach {
  return value as unknown as StoredReach
}
