import type { Lease, MigrationStore, Phase } from '@twinspan/core'
import { sql } from 'kysely'
import type { Database } from '../database.ts'
import { upsert } from '../writes.ts'

export function createLeases(
  database: Database,
  migration: string,
): Pick<MigrationStore, 'heartbeat' | 'leases' | 'endLease'> {
  const { own, dialect } = database
  return {
    async heartbeat({ instance, epoch, phase, host, pid, version }, ttlMs) {
      const expires_at = sql<number>`${dialect.now} + ${sql.lit(Math.round(ttlMs))}`
      const row = { migration, instance, epoch, phase, host, pid, version, expires_at: expires_at as never }
      await upsert(database, own, 'twinspan_lease', ['migration', 'instance'], [row])
    },
    async leases() {
      const rows = await own
        .selectFrom('twinspan_lease')
        .selectAll()
        .where('migration', '=', migration)
        .where('expires_at', '>', dialect.now)
        .execute()
      return rows.map(
        (row): Lease => ({
          instance: row.instance,
          epoch: Number(row.epoch),
          phase: row.phase as Phase,
          host: row.host,
          pid: Number(row.pid),
          version: row.version,
        }),
      )
    },
    async endLease(instance) {
      await own
        .deleteFrom('twinspan_lease')
        .where('migration', '=', migration)
        // The leases of processes that died go with the next one that ends well.
        .where((eb) => eb.or([eb('instance', '=', instance), eb('expires_at', '<=', dialect.now)]))
        .execute()
    },
  }
}
