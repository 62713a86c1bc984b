// npm run bench -- reconcile [--rows=1000000] [--from=mariadb] [--to=postgres] [--only=live200]
// A full sweep of two stores that hold the same, against reading both and comparing in Node.
import { join } from 'node:path'
import { createMirror } from '@twinspan/dual-write'
import { sql } from 'kysely'
import type { OpenDatabase } from '../support/engines.ts'
import { accountsMigration, ENGINES } from './backfill/accounts.ts'
import { watchProcess } from './backfill/watch-process.ts'
import { watchServers } from './backfill/watch-servers.ts'
import type { BenchContext, Case, Cases, Measurement } from './bench.ts'
import { bundle } from './bundle.ts'
import { apart, isPlanted, type Planted, plantTwenty, tamper } from './reconcile/planted.ts'
import { checksumTable } from './reconcile/pt-table-checksum.ts'
import type { WorkerOrder, WorkerReport } from './reconcile/worker.ts'
import { createAccounts, fillAccounts, type SamplesDB } from './samples.ts'
import { YOUNG } from './young.ts'

const NAME = 'bench'

interface World extends ReturnType<typeof accountsMigration> {
  readonly rows: number
  readonly legacy: OpenDatabase<SamplesDB>
  readonly target: OpenDatabase<SamplesDB>
  readonly urls: { readonly legacy: string; readonly target: string }
  /** The program that compares. */
  readonly worker: string
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
  await createAccounts(legacy.db, legacyEngine.name)
  await createAccounts(target.db, targetEngine.name)
  await fillAccounts(legacy.db, legacyEngine.name, rows)
  const road = accountsMigration(legacy.db, target.db, { name: NAME, translation: 'columns' })
  await road.migration.start()
  for (const phase of ['capture', 'dual-write'] as const) {
    await road.migration.advance({ to: phase, actor: 'bench', reason: 'bench' })
  }
  await fillAccounts(target.db, targetEngine.name, rows)
  // Nobody pays for what another one has read into memory first.
  for (const { db } of [legacy, target]) await sql`select count(name) from accounts`.execute(db)
  const worker = await bundle(join(import.meta.dirname, 'reconcile', 'worker.ts'))
  return { ...road, rows, legacy, target, worker, urls: { legacy: urlOf(legacy), target: urlOf(target) } }
}

function urlOf({ url }: OpenDatabase<SamplesDB>): string {
  if (url === undefined) throw new Error('only servers can be compared here')
  return url
}

/** One comparison in a process of its own, with what it cost. */
async function compare(
  { urls, rows, worker }: World,
  work: WorkerOrder['work'],
): Promise<{ readonly report: WorkerReport; readonly figures: Measurement[] }> {
  const order: WorkerOrder = { ...urls, name: NAME, work }
  const servers = await watchServers(Object.values(urls))
  const running = watchProcess(process.execPath, [YOUNG, worker, JSON.stringify(order)])
  await Promise.allSettled([running])
  const serverSeconds = await servers.stop()
  const client = await running
  const report = JSON.parse(client.stdout) as WorkerReport
  const { seconds, cpuSeconds, idleMb } = report
  const figures = [
    { metric: 'seconds', value: seconds, unit: 's' },
    { metric: 'cpu_seconds', value: cpuSeconds + serverSeconds, unit: 's' },
    { metric: 'client_cpu_seconds', value: cpuSeconds, unit: 's' },
    { metric: 'rows_per_second', value: rows / seconds, unit: 'rows/s' },
    { metric: 'rss_mb', value: client.rssMb, unit: 'MB' },
    { metric: 'rss_before_mb', value: idleMb, unit: 'MB' },
  ]
  return { report, figures }
}

/** How many of the planted differences were found and called by their name, and what was found beside them. */
function judge({ findings }: WorkerReport, planted: readonly Planted[]): Measurement[] {
  const found = planted.filter(({ id, reason }) =>
    findings.some((one) => Number(one.key) === id && one.reason === reason),
  )
  const ids = new Set(planted.map(({ id }) => id))
  return [
    { metric: 'found', value: found.length, unit: 'keys' },
    { metric: 'false_findings', value: findings.filter(({ key }) => !ids.has(Number(key))).length, unit: 'keys' },
  ]
}

const plain =
  (work: WorkerOrder['work']): Case =>
  async (context) => {
    const { report, figures } = await compare(await world(context), work)
    return work === 'streamed' || work === 'statements' ? figures : [...figures, ...judge(report, [])]
  }

async function scattered(context: BenchContext): Promise<Measurement[]> {
  const made = await world(context)
  const ids = apart(100, made.rows)
  await tamper(made.target.db, ids, 1)
  const { report, figures } = await compare(made, 'sweep')
  await tamper(made.target.db, ids, -1)
  return [
    ...figures,
    ...judge(
      report,
      ids.map((id) => ({ id, reason: 'value' })),
    ),
  ]
}

// What changed since the last sweep, and a twentieth of the rest: 1,000 rows were written meanwhile.
async function resweep(context: BenchContext): Promise<Measurement[]> {
  const made = await world(context)
  const { migration, legacy, rows } = made
  await compare(made, 'tracked')
  const mirror = createMirror(migration)
  mirror.start()
  const ids = Array.from({ length: 1_000 }, () => 1 + Math.floor(Math.random() * rows))
  await legacy.db.updateTable('accounts').set({ score: sql<number>`score + 1` }).where('id', 'in', ids).execute()
  await mirror.stop({ budgetMs: 10_000 })
  const { report, figures } = await compare(made, 'resweep')
  await migration.sides.legacy.journal.changes?.stop('accounts')
  context.note(`resweep: ${report.rows} of ${rows} rows were looked at`)
  return [...figures, ...judge(report, [])]
}

// 200 dual writes a second meanwhile, and twenty differences that nobody reports.
async function live200(context: BenchContext): Promise<Measurement[]> {
  const made = await world(context)
  const { migration, legacy, target, rows } = made
  const { planted, remove } = await plantTwenty(target.db, rows)
  const mirror = createMirror(migration)
  mirror.start()
  const stop = new AbortController()
  let writes = 0
  const writing = (async () => {
    for (const begun = performance.now(); !stop.signal.aborted; ) {
      const due = ((performance.now() - begun) / 1000) * 200
      for (; writes < due; writes++) {
        const id = 1 + Math.floor(Math.random() * rows)
        const score = Math.floor(Math.random() * 100_000)
        await legacy.db
          .updateTable('accounts')
          .set({ score })
          .where('id', '=', isPlanted(id) ? id - 2 : id)
          .execute()
      }
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  })()
  const { report, figures } = await compare(made, 'sweep')
  stop.abort()
  await writing
  await mirror.stop({ budgetMs: 10_000 })
  await remove()
  context.note(`live200: ${writes} writes meanwhile, ${report.undecided} keys undecided`)
  return [...figures, ...judge(report, planted)]
}

async function ptTableChecksum(context: BenchContext): Promise<readonly Measurement[]> {
  const { urls, rows } = await world(context)
  const servers = await watchServers([urls.legacy])
  const cost = await checksumTable(urls.legacy)
  const serverSeconds = await servers.stop()
  if (typeof cost === 'string') {
    context.note(`skipped: ${cost}`)
    return []
  }
  return [
    { metric: 'seconds', value: cost.seconds, unit: 's' },
    { metric: 'cpu_seconds', value: cost.cpuSeconds + serverSeconds, unit: 's' },
    { metric: 'rows_per_second', value: rows / cost.seconds, unit: 'rows/s' },
    { metric: 'rss_mb', value: cost.rssMb, unit: 'MB' },
  ]
}

const all: Cases = {
  'sweep.ours.identical': plain('sweep'),
  'sweep.ours.scattered100': scattered,
  'sweep.ours.resweep': resweep,
  'sweep.ours.live200': live200,
  'sweep.pt-table-checksum': ptTableChecksum,
  'sweep.statements': plain('statements'),
  'sweep.ours.rows': plain('rows'),
  'sweep.streamed': plain('streamed'),
}

const only = process.argv.find((arg) => arg.startsWith('--only='))?.slice('--only='.length)

export const cases: Cases = {
  ...Object.fromEntries(
    Object.entries(all).filter(([name]) => only === undefined || only.split(',').some((part) => name.endsWith(part))),
  ),
  close: async () => {
    const made = await opening
    await made?.migration.stop()
    await made?.legacy.close()
    await made?.target.close()
    return []
  },
}
