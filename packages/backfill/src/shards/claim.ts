import { randomUUID } from 'node:crypto'
import { JobClaimedError, type Migration } from '@twinspan/core'
import { Outage, reach } from '../reach.ts'

/** The right to work on a job, renewed on the way. */
export interface JobClaim {
  /** How long a transaction on the target may take. */
  readonly transactionMs: number
  /** Takes or renews the claim when it is due. @throws JobClaimedError when another worker has it */
  keep(): Promise<void>
  /**
   * Called inside a transaction on the target, before it writes. Whoever takes the job after us does so when our claim has
   * run out; by then the server has ended this transaction. So an insert of ours never commits behind the comparison of
   * another worker, however long this process was paused.
   */
  assertOutlives(): void
  release(): Promise<void>
}

/** The claim of whoever writes nothing, and so is in nobody's way. */
export const NO_CLAIM: JobClaim = {
  transactionMs: 0,
  keep: async () => {},
  assertOutlives: () => {},
  release: async () => {},
}

export function createClaim(migration: Migration, job: string, claimMs: number): JobClaim {
  // Two backfills in one process are two workers.
  const owner = `${migration.instance}:${randomUUID()}`
  const transactionMs = Math.floor(claimMs / 3)
  let token: number | undefined
  let takenAt = Number.NEGATIVE_INFINITY

  return {
    transactionMs,
    async keep() {
      const askedAt = migration.now()
      if (askedAt - takenAt < claimMs / 4) return
      const claim = await reach('store', () => migration.store.claim(job, owner, claimMs))
      if (claim === undefined) throw new JobClaimedError(job)
      const before = token
      token = claim.token
      // Ours is the next token only where nobody had the claim after it ran out. Somebody who had may have moved the checkpoint
      // past the chunk at hand, and nobody would compare behind an insert of ours if we died after it.
      if (before !== undefined && token !== before && token !== before + 1) throw new JobClaimedError(job)
      takenAt = askedAt
    },
    assertOutlives() {
      if (migration.now() + transactionMs > takenAt + claimMs) {
        throw new Outage('store', new JobClaimedError(job))
      }
    },
    async release() {
      if (token === undefined) return
      token = undefined
      takenAt = Number.NEGATIVE_INFINITY
      await migration.store.releaseClaim(job, owner)
    },
  }
}
