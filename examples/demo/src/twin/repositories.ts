import { dualWrite, read, write } from '@twinspan/dual-write'
import type { Router } from '@twinspan/router'
import type { Kysely } from 'kysely'
import type { AccountRepository } from '../domain/account.ts'
import type { PlaceRepository } from '../domain/place.ts'
import { LegacyAccounts } from '../legacy/accounts.ts'
import { LegacyPlaces } from '../legacy/places.ts'
import { TargetAccounts } from '../target/accounts.ts'
import type { TargetSchema } from '../target/schema.ts'
import type { Twin } from './migration.ts'

/** How long the target may take to answer in a canary before legacy answers instead. */
const READ_TIMEOUT_MS = 1_500

/** The two repositories as the routes use them: the types they have always had. */
export function twinRepositories(
  { migration, places, users, legacyDb }: Twin,
  targetDb: Kysely<TargetSchema>,
  targetPlaces: PlaceRepository,
  router: Router,
): { readonly places: PlaceRepository; readonly accounts: AccountRepository } {
  return {
    places: dualWrite<PlaceRepository>(migration, places, {
      legacy: new LegacyPlaces(legacyDb),
      target: targetPlaces,
      // No unit here: a canary is a visitor, and each request says who that is.
      operations: {
        findById: read({ key: (id) => id }),
        listByCountry: read(),
        create: write({ key: (_draft, created) => created.id }),
        replace: write({ key: (id) => id }),
        remove: write({ key: (id) => id }),
      },
      router,
      readTimeoutMs: READ_TIMEOUT_MS,
      shadowRate: 0.2,
    }),
    accounts: dualWrite<AccountRepository>(migration, users, {
      legacy: new LegacyAccounts(legacyDb),
      target: new TargetAccounts(targetDb),
      operations: {
        findById: read({ key: (id) => id }),
        edit: write({ key: (id) => id }),
      },
      router,
      readTimeoutMs: READ_TIMEOUT_MS,
      shadowRate: 0.2,
    }),
  }
}
