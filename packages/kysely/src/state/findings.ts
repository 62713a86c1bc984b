import type { Json, MigrationStore, StoredFinding } from '@twinspan/core'
import { chunks } from '../chunks.ts'
import type { Database } from '../database.ts'
import { upsert } from '../writes.ts'

const AT_ONCE = 500
const LIMIT = 1_000

export function createFindings(
  database: Database,
  migration: string,
): Pick<MigrationStore, 'saveFindings' | 'findings' | 'clearFindings'> {
  const { own, dialect } = database
  return {
    async saveFindings(findings) {
      const newest = new Map(
        findings.map((finding) => [JSON.stringify([finding.kind, finding.entity, finding.subject]), finding]),
      )
      for (const some of chunks([...newest.values()], AT_ONCE)) {
        const rows = some.map(({ kind, entity, subject, detail }) => ({
          migration,
          kind,
          entity,
          subject,
          detail: JSON.stringify(detail),
          at: dialect.now as never,
        }))
        await upsert(database, own, 'twinspan_finding', ['migration', 'kind', 'entity', 'subject'], rows)
      }
    },

    async findings({ kind, entity, limit = LIMIT } = {}) {
      const rows = await own
        .selectFrom('twinspan_finding')
        .selectAll()
        .where('migration', '=', migration)
        .$if(kind !== undefined, (query) => query.where('kind', '=', kind ?? ''))
        .$if(entity !== undefined, (query) => query.where('entity', '=', entity ?? ''))
        .orderBy('at')
        .orderBy('subject')
        .limit(limit)
        .execute()
      return rows.map(
        (row): StoredFinding => ({
          kind: row.kind,
          entity: row.entity,
          subject: row.subject,
          detail: JSON.parse(row.detail) as Json,
          at: Number(row.at),
        }),
      )
    },

    async clearFindings({ kind, entity, subjects }) {
      let cleared = 0
      for (const some of subjects === undefined ? [undefined] : chunks(subjects, AT_ONCE)) {
        const { numDeletedRows } = await own
          .deleteFrom('twinspan_finding')
          .where('migration', '=', migration)
          .where('kind', '=', kind)
          .$if(entity !== undefined, (query) => query.where('entity', '=', entity ?? ''))
          .$if(some !== undefined, (query) => query.where('subject', 'in', some ?? []))
          .executeTakeFirstOrThrow()
        cleared += Number(numDeletedRows)
      }
      return cleared
    },
  }
}
