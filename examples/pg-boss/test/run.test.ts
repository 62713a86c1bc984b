import { sql } from 'kysely'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { run } from '../src/run.ts'

const server = process.env['TWINSPAN_PG_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres'

async function isThere(): Promise<boolean> {
  const client = new pg.Client({ connectionString: server, connectionTimeoutMillis: 2_000 })
  try {
    await client.connect()
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => {})
  }
}

const there = await isThere()
if (!there && process.env['CI'] === 'true') throw new Error('PostgreSQL does not answer; set TWINSPAN_PG_URL')

describe.skipIf(!there)(`the example${there ? '' : ' (skipped: PostgreSQL does not answer)'}`, () => {
  it('moves a table with four processes, one of which is killed', async () => {
    const lines: string[] = []
    const summary = await run({
      server,
      rows: 6_000,
      workers: 4,
      shards: 8,
      restMs: 30,
      say: (line) => lines.push(line),
      // Ten seconds later, as the queue sees it.
      onKilled: async (queue) => {
        await sql`update pgboss.job set heartbeat_on = heartbeat_on - interval '1 minute' where state = 'active'`.execute(
          queue,
        )
      },
    })
    expect(summary).toMatchObject({ differences: 0, drift: 0 })
    expect(summary.targetRows).toBe(summary.legacyRows)
    expect(summary.workers.filter(({ killed }) => killed)).toHaveLength(1)
    expect(summary.workers.filter(({ copied }) => copied > 0).length).toBeGreaterThan(1)
    // What the dead worker did not get to tell is less than what one chunk holds.
    expect(summary.copied).toBeLessThanOrEqual(6_000)
    expect(summary.copied).toBeGreaterThan(6_000 - 1_000 - summary.writes)
    expect(summary.writes).toBeGreaterThan(0)
    expect(lines.join('\n')).toMatch(/is killed/)
    expect(lines.at(-1)).toMatch(/^sweep .*100 % {2}done/)
  }, 150_000)
})
