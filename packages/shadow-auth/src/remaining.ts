import type { Credential } from '@twinspan/core'
import type { Setup, ShadowAuthOptions } from './options.ts'
import type { Situation } from './situation.ts'
import { readHash } from './verify-password.ts'
import { type WalkOptions, walk } from './walk.ts'
import { WRAPPED } from './wrapped.ts'

export interface Remaining {
  /** The users of legacy. */
  readonly users: number
  /** Those whose password is in the target, by a hash of ours or one that the application wrote there. */
  readonly migrated: number
  /** Those who wait in the target, by a wrapped hash. */
  readonly wrapped: number
  /** Those who have no password at all. */
  readonly without: number
  /** Those who have not migrated, by the scheme of their hash; `unreadable` for those that no accepted scheme reads. */
  readonly remaining: Readonly<Record<string, number>>
}

/**
 * Who has not migrated yet, by scheme. Reads every user of legacy once, at the share of the time that it is given, and
 * tells `telemetry` of each figure.
 *
 * @throws InvalidOptionError, UnavailableError, the signal's reason
 */
export async function remaining(
  options: ShadowAuthOptions,
  walking: Omit<WalkOptions, 'after'> = {},
): Promise<Remaining> {
  const { setup, pages } = walk('remaining', options, walking)
  const counts = { users: 0, migrated: 0, wrapped: 0, without: 0 }
  const schemes = new Map<string, number>()
  const emit = (scheme: string, users: number): void => setup.emit({ type: 'auth-remaining', scheme, users })
  for await (const page of pages()) {
    for (const { situation } of page) {
      counts.users++
      const place = placeOf(situation, setup)
      if (place.scheme === undefined) counts[place.in]++
      else schemes.set(place.scheme, (schemes.get(place.scheme) ?? 0) + 1)
    }
  }
  for (const { name } of setup.schemes) emit(name, schemes.get(name) ?? 0)
  emit('unreadable', schemes.get('unreadable') ?? 0)
  return { ...counts, remaining: Object.fromEntries([...schemes].sort(([, a], [, b]) => b - a)) }
}

type Place =
  | { readonly in: 'migrated' | 'wrapped' | 'without'; readonly scheme?: never }
  | { readonly in: 'legacy'; readonly scheme: string }

function placeOf({ decider, standing, target, legacy }: Situation, setup: Setup): Place {
  if (decider === 'legacy' && legacy?.kind === 'one')
    return { in: 'legacy', scheme: schemeOf(legacy.credential, setup) }
  if (decider !== 'target' || target.kind !== 'one') return { in: 'without' }
  if (standing === 'copied') return { in: 'legacy', scheme: schemeOf(target.credential, setup) }
  return { in: schemeOf(target.credential, setup) === WRAPPED ? 'wrapped' : 'migrated' }
}

function schemeOf({ hash, params }: Credential, { schemes, limits }: Setup): string {
  const read = readHash(hash ?? '', schemes, limits, params)
  return read.ok ? read.scheme.name : 'unreadable'
}
