// npm run bench -- reconcile [--rows=1000000] [--from=mariadb] [--to=postgres]
// A full sweep of two stores that hold the same, against reading both and comparing in Node.
import {
  createMigration,
  defineEntity,
  type Entity,
  type Migration,
  type SweepRecord,
  sameColumns,
} from '@twinspan/core'
import { createMirror } from '@twinspan/dual-write'
import { kyselySide } from '@twinspan/kysely'
import { type Finding, reconcile } from '@twinspan/reconcile'
import { type Kysely, sql } from 'kysely'
import type { Engine, OpenDatabase } from '../support/engines.ts'
import { mariadb } from '../support/mariadb.ts'
import { pglite } from '../support/pglite.ts'
import { postgres } from '../support/postgres.ts'
import type { BenchContext, Cases, Measurement } from './bench.ts'
import { cpuSeconds } from './cpu.ts'
import { type Account, createAccounts, fillAccounts, type SamplesDB } from './samples.ts'

const ENGINES: Readonly<Record<string, Engine>> = { mariadb, postgres, pglite }

interface World {
  readonly rows: number
  readonly legacy: OpenDatabase<SamplesDB>
  readonly target: OpenDatabase<SamplesDB>
  readonly migration: Migration
  readonly accounts: Entity
}

// One world for all cases: to fill it takes longer than to sweep it.
let opening: Promise<World> | undefined

function world({ args, note }: BenchContext): Promise<World> {
  const option = (name: string, fallback: string): string =>
    args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3) ?? fallback
  opening ??= open(Number(option('rows', '1000000')), option('from', 'mariadb'), option('to', 'postgres'), note)
  return opening
}

async function open(rows: number, from: string, to: string, note: BenchContext['note']): Promise<World> {
  const [legacyEngine, targetEngine] = [ENGINES[from], ENGINES[to]]
  if (legacyEngine === undefined || targetEngine === undefined) {
    throw new Error(`--from and --to take one of ${Object.keys(ENGINES).join(', ')}`)
  }
  note(`filling ${rows} rows on ${from} and on ${to} ...`)
  const legacy = await legacyEngine.open<SamplesDB>()
  const target = await targetEngine.open<SamplesDB>()
  const sides = { legacy: kyselySide(legacy.db), target: kyselySide(target.db) }
  const names = ['id', 'email', 'name', 'balance', 'score', 'active', 'ratio', 'created', 'note'] as const
  const accounts = defineEntity<Account, Account, Account, Account>({
    name: 'accounts',
    legacy: sides.legacy.table('accounts', { key: 'id' }) as never,
    target: sides.target.table('accounts', { key: 'id' }) as never,
    ...(sameColumns(Object.fromEntries(names.map((name) => [name, name]))) as never as {
      toTarget(row: Account): Account
      toLegacy(row: Account): Account
    }),
  })
  await createAccounts(legacy.db, legacyEngine.name)
  await createAccounts(target.db, targetEngine.name)
  await fillAccounts(legacy.db, legacyEngine.name, rows)
  const migration = createMigration({ name: 'bench', ...sides, entities: [accounts] })
  await migration.start()
  for (const phase of ['capture', 'dual-write'] as const) {
    await migration.advance({ to: phase, actor: 'bench', reason: 'bench' })
  }
  await fillAccounts(target.db, targetEngine.name, rows)
  return { rows, legacy, target, migration, accounts }
}

interface Sweep {
  readonly findings: readonly Finding[]
  readonly record: SweepRecord
}

async function sweep(
  { migration, accounts }: World,
  options: { readonly digests?: boolean; readonly trackChanges?: boolean } = {},
): Promise<Sweep> {
  const findings: Finding[] = []
  const sweeping = reconcile.sweep(migration, accounts, { maxPrimaryLoad: 1, ...options })
  for (;;) {
    const step = await sweeping.next()
    if (step.done) return { findings, record: step.value }
    findings.push(step.value)
  }
}

/** The work with what it took; memory is the most that was seen meanwhile. */
async function measured<T>(
  rows: number,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly figures: Measurement[] }> {
  let most = 0
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss())
  }, 100)
  const [cpu, begun] = [cpuSeconds(), performance.now()]
  try {
    const result = await work()
    const seconds = (performance.now() - begun) / 1000
    const figures = [
      { metric: 'seconds', value: seconds, unit: 's' },
      { metric: 'cpu_seconds', value: cpuSeconds() - cpu, unit: 's' },
      { metric: 'rows_per_second', value: rows / seconds, unit: 'rows/s' },
      { metric: 'rss_mb', value: Math.max(most, process.memoryUsage.rss()) / 2 ** 20, unit: 'MB' },
    ]
    return { result, figures }
  } finally {
    clearInterval(watch)
  }
}

function counted({ findings }: Sweep, planted: number): Measurement[] {
  return [
    { metric: 'found', value: Math.min(findings.length, planted), unit: 'keys' },
    { metric: 'false_findings', value: Math.max(0, findings.length - planted), unit: 'keys' },
  ]
}

/** Rows apart from each other, changed on the target behind the library's back, and put right again. */
async function tamper(target: Kysely<SamplesDB>, rows: number, count: number, by: 1 | -1): Promise<void> {
  const ids = Array.from({ length: count }, (_, at) => 1 + Math.floor(((at + 0.5) * rows) / count))
  await target
    .updateTable('accounts')
    .set({ score: sql<number>`score + ${sql.lit(by)}` })
    .where('id', 'in', ids)
    .execute()
}

/** What anybody would write first: both sides in key order, page by page, compared as JSON. */
async function streamed({ legacy, target, rows }: World): Promise<number> {
  let compared = 0
  let differing = 0
  const page = (db: Kysely<SamplesDB>, after: number): Promise<Account[]> =>
    db.selectFrom('accounts').selectAll().where('id', '>', after).orderBy('id').limit(2_000).execute()
  for (let after = 0; ; ) {
    const [left, right] = await Promise.all([page(legacy.db, after), page(target.db, after)])
    for (const [at, row] of left.entries()) {
      const other = right[at]
      if (other === undefined || plain(row) !== plain(other)) differing++
    }
    compared += left.length
    if (left.length < 2_000) break
    after = Number(left.at(-1)?.id)
  }
  if (compared !== rows) throw new Error(`compared ${compared} of ${rows} rows`)
  return differing
}

function plain(row: Account): string {
  return JSON.stringify([
    Number(row.id),
    row.email,
    row.name,
    row.balance,
    row.score,
    Boolean(row.active),
    row.ratio,
    row.created,
    row.note,
  ])
}

export const cases: Cases = {
  'sweep.ours.identical': async (context) => {
    const made = await world(context)
    const { result, figures } = await measured(made.rows, () => sweep(made))
    return [...figures, ...counted(result, 0)]
  },

  'sweep.ours.scattered100': async (context) => {
    const made = await world(context)
    await tamper(made.target.db, made.rows, 100, 1)
    const { result, figures } = await measured(made.rows, () => sweep(made))
    await tamper(made.target.db, made.rows, 100, -1)
    return [...figures, ...counted(result, 100)]
  },

  // What changed since the last sweep, and a twentieth of the rest: 1,000 rows were written meanwhile.
  'sweep.ours.resweep': async (context) => {
    const made = await world(context)
    const { migration, accounts, legacy, rows } = made
    await sweep(made, { trackChanges: true })
    const mirror = createMirror(migration)
    mirror.start()
    const ids = Array.from({ length: 1_000 }, () => 1 + Math.floor(Math.random() * rows))
    await legacy.db.updateTable('accounts').set({ score: sql<number>`score + 1` }).where('id', 'in', ids).execute()
    await mirror.stop({ budgetMs: 10_000 })
    const findings: Finding[] = []
    const { result, figures } = await measured(rows, async () => {
      const resweeping = reconcile.resweep(migration, accounts)
      for (;;) {
        const step = await resweeping.next()
        if (step.done) return step.value
        findings.push(step.value)
      }
    })
    await migration.sides.legacy.journal.changes?.stop('accounts')
    context.note(`resweep: ${result.changed} keys had changed, ${result.rotated} rows took their turn`)
    return [...figures, { metric: 'false_findings', value: findings.length, unit: 'keys' }]
  },

  'sweep.ours.live200': async (context) => {
    const made = await world(context)
    const { migration, legacy, target, rows } = made
    const mirror = createMirror(migration)
    mirror.start()
    const stop = new AbortController()
    let writes = 0
    const writing = (async () => {
      for (const begun = performance.now(); !stop.signal.aborted; ) {
        const due = ((performance.now() - begun) / 1000) * 200
        for (; writes < due; writes++) {
          const id = 1 + Math.floor(Math.random() * rows)
          await legacy.db
            .updateTable('accounts')
            .set({ score: Math.floor(Math.random() * 100_000) })
            .where('id', '=', id)
            .execute()
        }
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    })()
    const { result, figures } = await measured(rows, () => sweep(made))
    stop.abort()
    await writing
    await mirror.stop({ budgetMs: 10_000 })
    context.note(`live200: ${writes} writes meanwhile, ${result.record.undecided} keys undecided`)
    void target
    return [...figures, ...counted(result, 0)]
  },

  'sweep.ours.rows': async (context) => {
    const made = await world(context)
    const { result, figures } = await measured(made.rows, () => sweep(made, { digests: false }))
    return [...figures, ...counted(result, 0)]
  },

  'sweep.streamed': async (context) => {
    const made = await world(context)
    const { result, figures } = await measured(made.rows, () => streamed(made))
    if (result !== 0) throw new Error(`${result} rows differ`)
    await made.migration.stop()
    await made.legacy.close()
    await made.target.close()
    return figures
  },
}
