import { randomUUID } from 'node:crypto'
import { JobClaimedError, type Migration } from '@twinspan/core'

/** The right to do a job, renewed until it is given back. */
export interface HeldClaim {
  /** Aborts with a `JobClaimedError` when the claim could not be renewed and somebody else has it. */
  readonly lost: AbortSignal
  release(): Promise<void>
}

/** `undefined` while another worker has it. */
export async function takeClaim(migration: Migration, job: string, claimMs: number): Promise<HeldClaim | undefined> {
  // Two sweeps in one process are two workers.
  const owner = `${migration.instance}:${randomUUID()}`
  if ((await migration.store.claim(job, owner, claimMs)) === undefined) return undefined
  const lost = new AbortController()
  const renew = async (): Promise<void> => {
    if ((await migration.store.claim(job, owner, claimMs)) === undefined) lost.abort(new JobClaimedError(job))
  }
  // A store that does not answer is asked again: nothing is written under the claim that two could not write.
  const renewing = setInterval(() => void renew().catch(() => {}), claimMs / 4)
  return {
    lost: lost.signal,
    async release() {
      clearInterval(renewing)
      await migration.store.releaseClaim(job, owner).catch(() => {})
    },
  }
}
