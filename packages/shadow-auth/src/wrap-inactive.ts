import { setTimeout as sleep } from 'node:timers/promises'
import { type Credential, type KeyPart, UnavailableError } from '@twinspan/core'
import type { Setup, ShadowAuthOptions } from './options.ts'
import type { Situation } from './situation.ts'
import { upgrade } from './upgrade.ts'
import { type WalkOptions, walk } from './walk.ts'
import { wrap } from './wrapped.ts'

export interface WrapOptions extends WalkOptions {
  /**
   * Whose hashes are wrapped: those who have not logged in for a year, for example.
   *
   * @default everybody who has not migrated
   */
  readonly only?: (user: Pick<Credential, 'uid' | 'login' | 'locked'>) => boolean | Promise<boolean>
}

export interface WrapProgress {
  /** The last user that was looked at: `after` of a job that goes on from here. */
  readonly after: KeyPart
  readonly seen: number
  readonly wrapped: number
  /** Had migrated or was wrapped before, has no password, or was left out by `only`. */
  readonly skipped: number
  /** Of a scheme that cannot be wrapped or is not accepted: only a login or a reset moves them. */
  readonly unwrappable: number
  /** Logged in, or changed the password, in the meantime; or a store failed. Another run looks at them again. */
  readonly lost: number
}

/**
 * Puts the hashes of those who have not migrated into the target, each inside a new hash, so that the old ones may be
 * erased from legacy before their owners have logged in. A login unwraps its own. By compare-and-swap on what was seen;
 * users who are done are skipped, so that a job that died can be run again, from the start or after the last user it
 * told of.
 *
 * @throws InvalidOptionError, UnavailableError, the signal's reason
 */
export async function* wrapInactive(
  options: ShadowAuthOptions,
  wrapping: WrapOptions = {},
): AsyncGenerator<WrapProgress, void, undefined> {
  const { setup, pages, paced } = walk('wrapInactive', options, wrapping)
  const { only = () => true } = wrapping
  const counts = { seen: 0, wrapped: 0, skipped: 0, unwrappable: 0, lost: 0 }
  for await (const page of pages()) {
    for (const { legacy, situation } of page) {
      const wanted = hashToWrap(situation) !== undefined && (await only(legacy))
      const outcome = wanted ? await paced(() => wrapOne(situation, setup, wrapping.signal)) : 'skipped'
      counts.seen++
      counts[outcome]++
      if (outcome !== 'skipped') yield { after: legacy.uid, ...counts }
    }
    const last = page.at(-1)
    if (last !== undefined) yield { after: last.legacy.uid, ...counts }
  }
}

async function wrapOne(
  situation: Situation,
  setup: Setup,
  signal: AbortSignal | undefined,
): Promise<'wrapped' | 'unwrappable' | 'lost'> {
  const { admission, hasher, schemes, limits } = setup
  const credential = hashToWrap(situation)
  if (credential === undefined || !credential.hash) return 'unwrappable'
  const stored = { hash: credential.hash, ...(credential.params === undefined ? {} : { params: credential.params }) }
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const admitted = await admission.run(JOB, () => wrap(stored, hasher, schemes, limits), signal)
    if (!admitted.admitted) {
      // People who log in go first.
      await sleep(admitted.retryAfterMs ?? RETRY_MS, undefined, signal === undefined ? {} : { signal })
      continue
    }
    if (admitted.value === undefined) return 'unwrappable'
    return (await upgrade({ situation, made: admitted.value }, setup)) ? 'wrapped' : 'lost'
  }
  throw new UnavailableError('The job wrapInactive stopped: the gate has had no room for it.')
}

/** At the gate the job is one login among others, with a name that no login can have. */
const JOB = '\0wrapInactive'
const TRIES = 60
const RETRY_MS = 1_000

/** The account whose hash decides and is not ours yet. */
function hashToWrap({ decider, standing, target, legacy }: Situation): Credential | undefined {
  if (decider === 'legacy' && legacy?.kind === 'one' && legacy.credential.hash) return legacy.credential
  if (decider === 'target' && standing === 'copied' && target.kind === 'one') return target.credential
  return undefined
}
