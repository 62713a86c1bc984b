import { type Key, keyText, type Migration } from '@twinspan/core'
import type { Router } from '../router.ts'
import { functionOption } from '../router-options.ts'
import { reportBlastRadius } from './blast-radius.ts'
import { createReach, forgetReach } from './reach.ts'

/** The entity whose key a unit is. */
export interface HandOver {
  readonly entity: string
  /** @default the unit as it is */
  readonly key?: (unit: string) => Key
}

/** What is remembered of a canary for the case that it is killed, and what is done then. */
export interface Aftermath {
  operation(unit: string | undefined): void
  mismatch(unit: string | undefined): void
  /** The rollout has another version. */
  version(epoch: number): void
  /** The rollout was killed: hands the keys over whose reads differed in this process. */
  killed(): void
  /** A new attempt begins. `cleans`: this process removes what the last one has left. */
  begin(cleans: boolean): void
  /** Rejects when the store does not take it; nothing is lost by that. */
  flush(): Promise<void>
  /** Called at every tick of the process that judges for all: writes the report once the others have had their say. */
  tick(): Promise<void>
}

/** Keys that are remembered to be handed over. */
const MAX_KEYS = 10_000
/** How many ticks the others are given to write what they have seen until a kill. */
const REPORT_TICKS = 3

export function createAftermath(migration: Migration, router: Router, handOver: HandOver | undefined): Aftermath {
  const keyOf = functionOption('handOver.key', handOver?.key) ?? ((unit: string): Key => unit)
  const reach = createReach(migration)
  const differing = new Set<string>()
  let { epoch } = router.status()
  let untilReport = 0

  async function handOverKeys(): Promise<void> {
    if (handOver === undefined || differing.size === 0) return
    const marks = [...differing].map((unit) => ({ entity: handOver.entity, key: keyText(keyOf(unit)) }))
    differing.clear()
    await migration.sides[migration.snapshot.plan.primary].journal.mark(marks)
    reach.handedOver(epoch, marks.length)
  }

  return {
    operation: (unit) => reach.operation(epoch, unit),
    mismatch(unit) {
      reach.mismatch(epoch)
      if (unit !== undefined && differing.size < MAX_KEYS) differing.add(unit)
    },
    version(next) {
      epoch = next
    },
    killed() {
      untilReport = REPORT_TICKS
      void migration.detached(() => handOverKeys().catch(() => {}))
    },
    begin(cleans) {
      differing.clear()
      const { begun } = router.status()
      if (cleans) void migration.detached(() => forgetReach(migration, begun).catch(() => {}))
    },
    flush: reach.flush,
    async tick() {
      if (untilReport > 0 && --untilReport === 0) await reportBlastRadius(migration, router)
    },
  }
}
