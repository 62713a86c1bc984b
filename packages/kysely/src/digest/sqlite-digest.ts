import { sql } from 'kysely'
import type { DigestEngine } from './engine.ts'
import { rowText } from './row-text.ts'
import { sqliteForms } from './sqlite-forms.ts'

/** SQLite has no hash function, and its drivers hand rows over without a journey: both texts and digests are made here. */
export const sqliteDigest: DigestEngine = {
  forms: (facts) => [...sqliteForms(facts).keys()],

  async texts({ db, table, order, fields }, { where, limit, offset }) {
    let query = db.selectFrom(table).where(where)
    for (const column of order) query = query.orderBy(column)
    const rows = await query
      .select(
        fields.map(({ name, form }, at) => {
          const column = sql.ref(name)
          // A driver's numbers are exact up to 2^53 only.
          const exact = sql`case typeof(${column}) when 'integer' then cast(${column} as text) else ${column} end`
          return (form === 'integer' || form === 'decimal' ? exact : column).as(`c${at}`)
        }),
      )
      .limit(limit)
      .offset(offset)
      .execute()
    return rows.map((row) =>
      rowText(
        fields,
        fields.map(({ form, facts }, at) => {
          const value = (row as Record<string, unknown>)[`c${at}`] ?? null
          return value === null ? null : (sqliteForms(facts).get(form)?.(value) ?? null)
        }),
      ),
    )
  },
}
