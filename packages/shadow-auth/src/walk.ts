import {
  type Credential,
  InvalidOptionError,
  type KeyPart,
  keyText,
  numberOption,
  UnavailableError,
} from '@twinspan/core'
import { resolveOptions, type Setup, type ShadowAuthOptions } from './options.ts'
import { type Situation, situationOfLegacy } from './situation.ts'

export interface WalkOptions {
  /** Begins after this user: the `after` of the progress that was seen last. */
  readonly after?: KeyPart | undefined
  /**
   * How many users are read at once.
   *
   * @default 500
   */
  readonly pageSize?: number
  /**
   * The share of the time in which the job may work, above 0 and up to 1. The rest it waits.
   *
   * @default 0.25
   */
  readonly maxShare?: number
  /** Stops between users, never in the middle of one. */
  readonly signal?: AbortSignal
}

export interface Walk {
  readonly setup: Setup
  /** Every user of legacy with what both stores say of it, page by page. */
  pages(): AsyncGenerator<readonly { readonly legacy: Credential; readonly situation: Situation }[]>
  /** Runs a piece of work, and then waits for as long as the job's share asks. */
  paced<T>(work: () => Promise<T>): Promise<T>
}

/**
 * How jobs go through all users of legacy.
 *
 * @throws InvalidOptionError
 */
export function walk(job: string, options: ShadowAuthOptions, walking: WalkOptions): Walk {
  const setup = resolveOptions(options)
  const { stores } = setup
  for (const [name, store, methods] of [
    ['legacy', options.legacy, ['scan']],
    ['target', options.target, ['findByUids']],
  ] as const) {
    const missing = methods.some(
      (method) => typeof (store as Record<string, unknown> | undefined)?.[method] !== 'function',
    )
    if (missing) throw new InvalidOptionError(name, store, `a store with ${methods.join()}()`, job)
  }
  const limit = numberOption('pageSize', walking.pageSize, 500, { min: 1, max: 10_000, integer: true })
  const share = numberOption('maxShare', walking.maxShare, 0.25, { min: 0.001, max: 1 })
  const { signal } = walking

  const paced: Walk['paced'] = async (work) => {
    signal?.throwIfAborted()
    const startedAt = performance.now()
    const result = await work()
    await pause((performance.now() - startedAt) * (1 / share - 1), signal)
    return result
  }
  const read = async (after: KeyPart | undefined) => {
    const found = await stores.scanLegacy({ limit, ...(after === undefined ? {} : { after }) })
    const known = found && (found.length === 0 ? [] : await stores.seeTargets(found.map(({ uid }) => uid)))
    if (found === undefined || known === undefined) {
      throw new UnavailableError(
        `The job ${job} stopped: a credential store does not answer. Start it again after the last user it has told of.`,
      )
    }
    const byUid = new Map(known.map((credential) => [keyText(credential.uid), credential]))
    return Promise.all(
      found.map(async (legacy) => {
        const credential = byUid.get(keyText(legacy.uid))
        const target = credential === undefined ? ({ kind: 'none' } as const) : ({ kind: 'one', credential } as const)
        return { legacy, situation: await situationOfLegacy(legacy, target, stores) }
      }),
    )
  }

  return {
    setup,
    paced,
    async *pages() {
      let { after } = walking
      for (;;) {
        const from = after
        const page = await paced(() => read(from))
        if (page.length > 0) yield page
        after = page.at(-1)?.legacy.uid
        if (after === undefined || page.length < limit) return
      }
    },
  }
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (ms < 1) return
  await new Promise<void>((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort)
      resolve()
    }, ms)
    signal?.addEventListener('abort', abort, { once: true })
  })
}
