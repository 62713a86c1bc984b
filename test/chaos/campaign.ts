import { setTimeout as wait } from 'node:timers/promises'
import type { CaptureMode, Phase, SideName } from '@twinspan/core'
import { type Kysely, sql } from 'kysely'
import { mariadb } from '../support/mariadb.ts'
import { postgres } from '../support/postgres.ts'
import { type Blame, createBlame } from './blame.ts'
import { storm } from './faults.ts'
import { count, type Fleet, type Logbook, openFleet } from './fleet.ts'
import { type Image, judge, type Write } from './history.ts'
import type { Subject } from './messages.ts'
import { between, generator } from './random.ts'
import type { CampaignReport } from './report.ts'
import { openRoad, settle } from './road.ts'
import { connect, createTables, HOT_KEYS } from './world.ts'

export interface CampaignOptions {
  readonly legacy: 'postgres' | 'mariadb'
  readonly seconds: number
  readonly seed: number
  /** @default 'twinspan' */
  readonly subject?: Subject
  /** @default 'trigger' */
  readonly capture?: CaptureMode
  /** How many processes serve users. @default 3 */
  readonly services?: number
  /** The longest that a user waits between two calls. @default 40 */
  readonly pauseMs?: number
  /** How many faults, compared to the usual; `0`: none, and nobody is killed. @default 1 */
  readonly pace?: number
  /** Goes on after its time until this holds, or six times as long: a slow machine does not get as much done. */
  readonly enough?: (soFar: SoFar) => boolean
  readonly say?: (line: string) => void
  /** Ends the campaign early. What it has found by then is reported, and everything is cleaned up. */
  readonly signal?: AbortSignal
}

/** What has been injected until now, by its name. */
export interface SoFar {
  readonly failpoints: Readonly<Record<string, number>>
  readonly faults: Readonly<Record<string, number>>
}

const SEEDED_ROWS = 4_000

const LOOK_MS = 100

/** How long a process that has stopped itself stands still at most, for the primary to be switched meanwhile. */
const FLIP_MS = 9_000

/** How long a service may take to end: a write that waits for a switch, and a mirror that drains. */
const ENDING_MS = 30_000

/** How often a long campaign says where it is. */
const TELL_MS = 15_000

/**
 * Processes serve users and mirror, and one copies history, sweeps, changes the phase and switches the primary there and back,
 * while they are killed and stopped, sessions are ended and connections are taken away. In the end everything is drained, and a
 * judge that knows nothing of the library decides.
 *
 * The databases are made for the campaign, under names of its own, and dropped after it; no others are touched.
 */
export async function campaign(options: CampaignOptions): Promise<CampaignReport> {
  const { legacy: engine, seconds, seed, subject = 'twinspan', capture = 'trigger', say = () => {} } = options
  const { services = 3, pauseMs = 40, pace = 1 } = options
  const servers = {
    legacy: await (engine === 'mariadb' ? mariadb : postgres).open<Record<string, never>>(),
    target: await postgres.open<Record<string, never>>(),
  }
  const addresses = { legacy: servers.legacy.url ?? '', target: servers.target.url ?? '' }
  const dbs = {
    legacy: connect<unknown>(watching(addresses.legacy)),
    target: connect<unknown>(watching(addresses.target)),
  }
  const blame = createBlame()
  const faults: Record<string, number> = {}
  const flips: Record<string, number> = {}
  let fleet: Fleet | undefined
  try {
    const seeded = new Map(
      Array.from({ length: subject === 'twinspan' ? SEEDED_ROWS : 0 }, (_, at) => [HOT_KEYS + at, `seed.${at}`]),
    )
    await createTables(addresses, seeded)
    if (subject === 'twinspan') await openRoad(addresses, capture)
    blame.primaryIs('legacy')
    const watch = watchDatabases(dbs, subject, blame)
    const began = Date.now()
    let over = false
    const stops = generator(seed, 'stops at failpoints')
    /** Has the primary switched, and waits for it. */
    const switched = async (): Promise<boolean> => {
      const before = watch.switches()
      fleet?.command('worker', 'switch')
      const deadline = Date.now() + FLIP_MS
      while (Date.now() < deadline && watch.switches() === before && !over) await wait(50)
      return watch.switches() !== before
    }
    fleet = await openFleet({
      ...addresses,
      subject,
      capture,
      seed,
      services,
      pauseMs,
      users: 4,
      haste: Math.max(1, pace ** 2),
      doomed: pace === 0 ? { service: 0, worker: 0 } : { service: 8, worker: 6 },
      onStopping({ number }, at, resume) {
        const moving = blame.begin('process', [number])
        count(faults, `stopped at ${at}`)
        void (async () => {
          if (stops(2) === 0) await wait(between(100, 1_800, stops))
          else if (await switched()) count(flips, 'switched past a stopped copier')
          moving()
          resume()
        })()
      },
    })
    const { log } = fleet
    const ending = new AbortController()
    const enough = (): boolean => options.enough?.({ failpoints: log.failpoints, faults }) ?? true
    const ended = endOf(seconds, enough, options.signal).then(() => ending.abort())
    const telling = setInterval(() => say(progress(fleet as Fleet, faults, watch, began)), TELL_MS)
    const field = { fleet, blame, endSessions: (side: SideName) => endSessions(dbs[side], engine, side) }
    await Promise.all([
      ended,
      pace > 0 ? storm(field, { seed, pace, signal: ending.signal, counts: faults }) : undefined,
    ])
    over = true
    clearInterval(telling)

    const drainBegan = Date.now()
    await fleet.end(ENDING_MS)
    if (subject === 'twinspan') await settle(addresses, capture)
    const drainMs = Date.now() - drainBegan
    await watch.stop()
    const writes = [...history(seeded), ...fleet.diaries.flatMap((diary) => diary.writes)]
    const verdict = judge(
      writes,
      await imageOf(dbs.legacy, 'legacy'),
      await imageOf(dbs.target, 'target'),
      fleet.diaries.flatMap(({ sightings }) => sightings),
    )
    const { 'kill -9': random = 0, ...others } = faults
    return {
      subject,
      legacy: engine,
      capture,
      seed,
      seconds: Math.round((drainBegan - began) / 1_000),
      kills: { 'at random': random, ...fleet.log.failpoints },
      faults: others,
      changes: { ...fleet.log.did, ...flips },
      refused: fleet.log.refused,
      processes: fleet.log.processes,
      reads: fleet.log.reads,
      ...sortedErrors(fleet.log, blame),
      crashes: fleet.log.crashes,
      missed: fleet.log.missed,
      drift: fleet.log.drift,
      maxJournalDepth: watch.maxDepth(),
      drainMs,
      ...verdict,
    }
  } finally {
    await fleet?.close()
    await Promise.all([dbs.legacy.destroy(), dbs.target.destroy()])
    await servers.legacy.close()
    await servers.target.close()
  }
}

/** Waits until the time is over and enough was done, or it will not come to that any more, or the signal. */
async function endOf(seconds: number, enough: () => boolean, signal: AbortSignal | undefined): Promise<void> {
  const began = performance.now()
  const lasted = (share: number): boolean => performance.now() - began >= seconds * 1_000 * share
  while (signal?.aborted !== true && !(lasted(1) && enough()) && !lasted(6)) await wait(LOOK_MS)
}

function* history(seeded: ReadonlyMap<number, string>): Generator<Write> {
  // Before the first process began.
  for (const [key, value] of seeded) yield { key, value, begun: 1n, acknowledged: 2n, buried: undefined }
}

interface Watch {
  /** How often the primary has changed so far. */
  switches(): number
  phase(): Phase | undefined
  maxDepth(): number
  stop(): Promise<void>
}

/** Looks at the databases themselves: who is primary, and how deep the journals are. */
function watchDatabases(dbs: Readonly<Record<SideName, Kysely<unknown>>>, subject: Subject, blame: Blame): Watch {
  let maxDepth = 0
  let switches = 0
  let decided: { epoch: number; primary: SideName; phase: Phase } | undefined
  let running = subject === 'twinspan'

  async function look(side: SideName): Promise<void> {
    const { rows } = await sql<{ epoch: number; primary: SideName; phase: Phase; depth: number }>`
      select epoch, primary_side as ${sql.ref('primary')}, phase, (select count(*) from twinspan_journal) as depth
      from twinspan_fence where side = ${side}`.execute(dbs[side])
    const [row] = rows
    if (row === undefined) return
    maxDepth = Math.max(maxDepth, Number(row.depth))
    const epoch = Number(row.epoch)
    if (decided !== undefined && decided.epoch >= epoch) return
    if (decided !== undefined && decided.primary !== row.primary) switches++
    decided = { epoch, primary: row.primary, phase: row.phase }
    blame.primaryIs(row.primary)
  }

  const watching = (async () => {
    while (running) {
      await Promise.all([look('legacy'), look('target')].map((looking) => looking.catch(() => {})))
      await wait(LOOK_MS)
    }
  })()
  return {
    switches: () => switches,
    phase: () => decided?.phase,
    maxDepth: () => maxDepth,
    async stop() {
      running = false
      await watching
    },
  }
}

async function endSessions(db: Kysely<unknown>, engine: CampaignOptions['legacy'], side: SideName): Promise<void> {
  if (side === 'target' || engine === 'postgres') {
    await sql`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and application_name <> ${WATCHER}`.execute(db)
    return
  }
  const { rows } = await sql<{ id: number }>`select id from information_schema.processlist
    where db = database() and id <> connection_id()`.execute(db)
  for (const { id } of rows) await sql`kill ${sql.lit(Number(id))}`.execute(db).catch(() => {})
}

const WATCHER = 'chaos-watcher'

/** The address under which we look: what ends sessions spares ours. */
function watching(url: string): string {
  if (url.startsWith('mysql')) return url
  const address = new URL(url)
  address.searchParams.set('application_name', WATCHER)
  return address.href
}

function sortedErrors(
  { errors, slow }: Logbook,
  blame: Blame,
): Pick<CampaignReport, 'dueErrors' | 'undueErrors' | 'slowestMs'> {
  const dueErrors: Record<string, number> = {}
  const undueErrors: string[] = []
  for (const error of errors) {
    if (blame.isDue(error)) count(dueErrors, error.what)
    else undueErrors.push(`${error.what} (process ${error.slot}, after ${Math.round(error.to - error.from)} ms)`)
  }
  const waits = slow.filter((call) => !blame.isSlowed(call)).map(({ from, to }) => to - from)
  return { dueErrors, undueErrors, slowestMs: Math.max(0, ...waits) }
}

async function imageOf(db: Kysely<unknown>, side: SideName): Promise<Image> {
  const { rows } = await (side === 'legacy'
    ? sql<{ key: number; value: string; rest: string | null }>`
        select thing_id as ${sql.ref('key')}, txt as ${sql.ref('value')}, code as ${sql.ref('rest')} from things`
    : sql<{ key: number; value: string; rest: string | null }>`
        select id as ${sql.ref('key')}, label as ${sql.ref('value')}, mark as ${sql.ref('rest')} from items`
  ).execute(db)
  return new Map(rows.map(({ key, value, rest }) => [Number(key), { value, rest }]))
}

function progress(fleet: Fleet, faults: Readonly<Record<string, number>>, watch: Watch, began: number): string {
  const kills = Object.values(fleet.log.failpoints).reduce((sum, one) => sum + one, faults['kill -9'] ?? 0)
  const others = Object.entries(faults).reduce((sum, [name, one]) => sum + (name === 'kill -9' ? 0 : one), 0)
  const seconds = Math.round((Date.now() - began) / 1_000)
  return `${seconds} s: ${watch.phase() ?? ''}, ${fleet.log.processes} processes, ${kills} kills, ${others} other faults, ${watch.switches()} switches`
}
