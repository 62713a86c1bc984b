import { writeFileSync } from 'node:fs'
import { createCutover } from '@twinspan/cutover'
import { createRouter } from '@twinspan/router'
import type { DemoOptions } from '../options.ts'
import type { TrafficCounts, TrafficSummary } from '../traffic/stats.ts'
import { openTwin, type Stores } from '../twin/migration.ts'
import { Cast } from './cast.ts'
import { canary } from './chapters/canary.ts'
import { capture } from './chapters/capture.ts'
import { completion } from './chapters/completion.ts'
import { cutover } from './chapters/cutover.ts'
import { history } from './chapters/history.ts'
import { outage } from './chapters/outage.ts'
import { parity } from './chapters/parity.ts'
import { shadow } from './chapters/shadow.ts'
import { count } from './format.ts'
import type { Paths } from './paths.ts'
import { printReport, type Report } from './report.ts'
import { Screen } from './screen.ts'
import type { Stage } from './stage.ts'
import { judge } from './verdict.ts'

/** What a shell calls Ctrl-C. */
const INTERRUPTED = 130

/** The whole story. Returns the exit code: `0` when nothing was lost, nothing differs and no user saw an error. */
export async function play(options: DemoOptions, paths: Paths): Promise<number> {
  const screen = new Screen()
  const cast = new Cast(options, paths)
  const lost = Promise.withResolvers<never>()
  const interrupted = Promise.withResolvers<typeof INTERRUPTED>()
  let verdict: number | undefined
  cast.onLost = (why) => lost.reject(new Error(why))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.resolve(INTERRUPTED))

  const story = async (): Promise<number> => {
    screen.title('Twinspan', 'a live service moves from SQLite to PostgreSQL')
    const stage = await setUp(options, screen, cast, paths)
    await capture(stage)
    await history(stage, storesOf(stage))
    await outage(stage)
    await shadow(stage)
    await canary(stage)
    await parity(stage)
    await cutover(stage)
    await completion(stage)

    const summary = await stage.traffic.call<TrafficSummary>('leave')
    screen.event('the users have left; an audit of its own compares ledger and databases')
    const report = await judge(stage, summary)
    await stage.twin.close()
    screen.close()
    writeReport(report, [paths.report, options.json])
    printReport(report, (line) => screen.text(line))
    verdict = report.ok ? 0 : 1
    if (options.serve) await serve(stage, cast, interrupted.promise)
    return verdict
  }

  try {
    const code = await Promise.race([story(), lost.promise, interrupted.promise])
    screen.close()
    await (code === INTERRUPTED ? cast.kill() : cast.end())
    // Ctrl-C is how `--serve` ends: it does not unmake a verdict.
    return verdict ?? code
  } catch (error) {
    screen.close()
    console.error(`\n  The story broke off: ${(error as Error).stack}\n  Logs: ${options.data}/logs\n`)
    await cast.kill()
    return 1
  }
}

function storesOf({ paths, target }: Pick<Stage, 'paths' | 'target'>): Stores {
  return { legacyFile: paths.legacy, targetUrl: target.url }
}

async function setUp(options: DemoOptions, screen: Screen, cast: Cast, paths: Paths): Promise<Stage> {
  screen.phase('setting', 'two databases, two instances of one service, and the people who use it')
  const [seed, target] = await Promise.all([cast.seed(), cast.target()])
  screen.event(`legacy: SQLite with ${count(seed.places)} places and ${count(seed.members)} members (bcrypt)`)
  screen.event(`target: PostgreSQL (PGlite) in a process of its own, another schema, empty`)
  const services = await cast.services(target.url)
  const twin = openTwin(storesOf({ paths, target }))
  await twin.migration.start()
  const router = createRouter(twin.migration, { unit: 'visitor', refreshMs: 250, leaseMs: 5_000 })
  await router.start()

  let counts: TrafficCounts = { requests: 0, acknowledged: 0, errors: 0, logins: 0, upgraded: 0, refusedLogins: 0 }
  let users = ''
  const traffic = await cast.traffic(
    services.map((service) => service.ready.url),
    seed.members,
    (event) => {
      counts = event as TrafficCounts
      users = `users: ${count(counts.requests)} requests · ${count(counts.acknowledged)} writes acknowledged · ${count(counts.errors)} errors`
      screen.users(users)
    },
  )
  screen.event(`service: ${services.map((service) => service.ready.url).join('  ')}`)
  screen.event('users: 44 at a time, who log in, read, edit, create and delete until the end')
  return {
    options,
    paths,
    screen,
    twin,
    migration: twin.migration,
    router,
    cutover: createCutover(twin.migration),
    services,
    traffic,
    target,
    steps: [],
    kills: [],
    get counts() {
      return counts
    },
    frozenAt: Number.POSITIVE_INFINITY,
  }
}

function writeReport(report: Report, files: readonly (string | undefined)[]): void {
  const text = `${JSON.stringify(report, null, 2)}\n`
  for (const file of files) if (file !== undefined) writeFileSync(file, text)
}

async function serve(stage: Stage, cast: Cast, interrupted: Promise<unknown>): Promise<void> {
  const { screen, services, target } = stage
  await cast.end([...services, target.process])
  for (const { ready } of services) {
    screen.text(`  ${ready.url}/  ${ready.url}/places?country=JP  ${ready.url}/places/1850147`)
  }
  screen.text('  The service goes on, on the target alone. Ctrl-C ends it.')
  await interrupted
}
