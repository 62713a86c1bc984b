import type { Json, Migration } from '@twinspan/core'
import type { Router } from '../router.ts'
import { type Reached, readReach } from './reach.ts'

const DOCUMENT = 'blast-radius'

/** How far the target that was killed can have reached, from the beginning of the attempt to the kill. */
export interface BlastRadius extends Reached {
  /** The version of the rollout that is the kill. */
  readonly epoch: number
  readonly actor: string
  readonly reason: string
  /** When it was killed, in milliseconds since 1970. */
  readonly at: number
}

/** The report of the last kill; `undefined` when there was none, or nobody has written it yet. */
export async function readBlastRadius(migration: Migration): Promise<BlastRadius | undefined> {
  const document = await migration.store.getDocument(DOCUMENT)
  return document === undefined ? undefined : (document.value as unknown as BlastRadius)
}

/** Writes the report of the kill that is in force, with an entry in the audit trail. Once, whoever is asked to. */
export async function reportBlastRadius(migration: Migration, router: Router): Promise<void> {
  const { killed, epoch, begun } = router.status()
  if (killed === null) return
  const stored = await migration.store.getDocument(DOCUMENT)
  if ((stored?.value as BlastRadius | undefined)?.at === killed.at) return
  const reached = await readReach(migration, (other) => other >= begun && other <= epoch)
  const { actor, reason, at } = killed
  const report = { ...reached, epoch, actor, reason, at } satisfies Json
  const isWritten = await migration.store.putDocument(DOCUMENT, report, {
    expected: stored?.version ?? 0,
    audit: {
      at: migration.now(),
      epoch: migration.snapshot.epoch,
      action: 'blast-radius',
      from: '',
      to: inWords(reached),
      actor,
      reason,
      evidence: { ...reached },
    },
  })
  if (isWritten) migration.events.emit({ type: 'blast-radius', ...reached })
}

function inWords({ units, operations, mismatches, handedOver }: Reached): string {
  return `about ${units} units, ${operations} reads, ${mismatches} mismatches, ${handedOver} keys handed over`
}
