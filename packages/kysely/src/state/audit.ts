import type { AuditEntry, Json, MigrationStore } from '@twinspan/core'
import type { Kysely } from 'kysely'
import type { Database } from '../database.ts'
import type { OwnTables } from '../own-tables.ts'

export async function insertAudit(
  db: Kysely<OwnTables>,
  migration: string,
  entries: readonly AuditEntry[],
): Promise<void> {
  if (entries.length === 0) return
  const rows = entries.map(({ at, epoch, action, from, to, actor, reason, evidence }) => ({
    migration,
    at,
    epoch,
    action,
    from_value: from,
    to_value: to,
    actor,
    reason,
    evidence: evidence === undefined ? null : JSON.stringify(evidence),
  }))
  await db.insertInto('twinspan_audit').values(rows).execute()
}

export function createAudit({ own }: Database, migration: string): Pick<MigrationStore, 'appendAudit' | 'readAudit'> {
  return {
    appendAudit: (entry) => insertAudit(own, migration, [entry]),
    async readAudit({ limit = 100 } = {}) {
      const rows = await own
        .selectFrom('twinspan_audit')
        .selectAll()
        .where('migration', '=', migration)
        .orderBy('id', 'desc')
        .limit(limit)
        .execute()
      return rows.map(
        (row): AuditEntry => ({
          at: Number(row.at),
          epoch: Number(row.epoch),
          action: row.action,
          from: row.from_value,
          to: row.to_value,
          actor: row.actor,
          reason: row.reason,
          ...(row.evidence === null ? {} : { evidence: JSON.parse(row.evidence) as Json }),
        }),
      )
    },
  }
}
