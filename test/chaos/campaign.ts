import { type ChildProcess, fork } from 'node:child_process'
import { setTimeout as wait } from 'node:timers/promises'
import { backfill } from '@twinspan/backfill'
import { createCutover } from '@twinspan/cutover'
import { createMirror } from '@twinspan/dual-write'
import { reconcile } from '@twinspan/reconcile'
import { sql } from 'kysely'
import { mariadb } from '../support/mariadb.ts'
import { postgres } from '../support/postgres.ts'
import { judge, type Verdict, type Write } from './history.ts'
import { createTables, openWorld, type World } from './world.ts'

export interface CampaignOptions {
  readonly legacy: 'postgres' | 'mariadb'
  readonly seconds: number
  readonly seed: number
  readonly say?: (line: string) => void
}

export interface CampaignReport extends Verdict {
  readonly seed: number
  /** Faults injected, by their kind. */
  readonly faults: Readonly<Record<string, number>>
  /** Changes of phase, switches and ways back that went through, by their kind. */
  readonly changes: Readonly<Record<string, number>>
}

interface Record_ {
  readonly key: number
  readonly value: string | null
  readonly begun: bigint
  acknowledged?: bigint
  buried?: bigint
}

interface Service {
  readonly child: ChildProcess
  readonly writes: Map<string, Record_>
  readonly ready: Promise<void>
  readonly gone: Promise<void>
}

const SERVICES = 3
const who = { actor: 'chaos', reason: 'a campaign' }

/**
 * Three processes write and mirror, while processes are killed and stopped, sessions are ended, phases change and the primary
 * is switched there and back. In the end everything is drained, and a judge that knows nothing of the library decides.
 *
 * The databases are made for the campaign, under names of its own, and dropped after it; no others are touched.
 */
export async function campaign({
  legacy: engine,
  seconds,
  seed,
  say = () => {},
}: CampaignOptions): Promise<CampaignReport> {
  const legacyServer = await (engine === 'mariadb' ? mariadb : postgres).open<Record<string, never>>()
  const targetServer = await postgres.open<Record<string, never>>()
  const legacyUrl = legacyServer.url ?? ''
  const targetUrl = targetServer.url ?? ''
  const random = generator(seed)
  const faults: Record<string, number> = {}
  const all: Service[] = []
  const live = new Set<Service>()
  const changes: Record<string, number> = {}
  let over = false
  await createTables(legacyUrl, targetUrl)
  const world = openWorld(legacyUrl, targetUrl)
  const { migration } = world

  const spawn = (): Service => {
    const service = start(legacyUrl, targetUrl, random(2 ** 31))
    all.push(service)
    live.add(service)
    void service.gone.then(() => {
      live.delete(service)
      if (!over) spawn()
    })
    return service
  }

  try {
    await migration.start()
    for (const to of ['capture', 'dual-write'] as const) await migration.advance({ to, ...who })
    for await (const progress of backfill(migration, world.things)) void progress
    for (const to of ['shadow', 'canary'] as const) await migration.advance({ to, ...who })
    await Promise.all(Array.from({ length: SERVICES }, () => spawn().ready))

    const deadline = Date.now() + seconds * 1_000
    const storm = (async () => {
      while (Date.now() < deadline) {
        await wait(200 + random(600))
        const [name, strike] = pick(FAULTS, random)
        if (await strike(pick([...live], random), world, random)) faults[name] = (faults[name] ?? 0) + 1
      }
    })()
    const road = (async () => {
      while (Date.now() < deadline) {
        await wait(500 + random(1_500))
        const changed = await change(world, random)
        if (changed !== undefined) changes[changed] = (changes[changed] ?? 0) + 1
      }
    })()
    await Promise.all([storm, road])

    over = true
    say(`${all.length} processes lived; stopping and draining`)
    await settle(world, live)
    const writes = all.flatMap(({ writes }) => [...writes.values()])
    const verdict = judge(writes as readonly Write[] as Write[], ...(await images(world)))
    return { ...verdict, seed, faults, changes }
  } finally {
    over = true
    for (const { child } of live) child.kill('SIGKILL')
    await migration.stop().catch(() => {})
    await Promise.all([world.legacyDb.destroy(), world.targetDb.destroy()]).catch(() => {})
    await legacyServer.close()
    await targetServer.close()
  }
}

function start(legacyUrl: string, targetUrl: string, seed: number): Service {
  const child = fork(new URL('./service.ts', import.meta.url), [legacyUrl, targetUrl, String(seed)], {
    execArgv: ['--conditions=twinspan-src'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const writes = new Map<string, Record_>()
  const ready = new Promise<void>((resolve) => {
    child.on('message', (message: { type: string; id: string; key: number; value: string | null; at: string }) => {
      if (message.type === 'ready') resolve()
      if (message.type === 'begin') {
        writes.set(message.id, { key: message.key, value: message.value, begun: BigInt(message.at) })
      }
      const record = writes.get(message.id)
      if (message.type === 'end' && record !== undefined) record.acknowledged = BigInt(message.at)
    })
    child.once('exit', () => resolve())
  })
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => {
      // What a dead process had sent may still be carried out: its sessions end within seconds.
      const buried = process.hrtime.bigint() + 5_000_000_000n
      for (const record of writes.values()) if (record.acknowledged === undefined) record.buried = buried
      resolve()
    })
  })
  return { child, writes, ready, gone }
}

type Strike = (victim: Service | undefined, world: World, random: (below: number) => number) => Promise<boolean>

const FAULTS: readonly (readonly [string, Strike])[] = [
  ['kill -9', async (victim) => victim?.child.kill('SIGKILL') ?? false],
  [
    'stopped and continued',
    async (victim, _world, random) => {
      if (victim === undefined || !victim.child.kill('SIGSTOP')) return false
      await wait(300 + random(2_500))
      return victim.child.kill('SIGCONT')
    },
  ],
  ['target sessions ended', (_, world) => endSessions(world, 'target')],
  ['legacy sessions ended', (_, world) => endSessions(world, 'legacy')],
]

/** Ends every session on the side but our own. */
async function endSessions(world: World, side: 'legacy' | 'target'): Promise<boolean> {
  try {
    if (world.migration.sides[side].engine === 'mysql') {
      const { rows } = await sql<{ id: number }>`select id from information_schema.processlist
        where db = database() and id <> connection_id()`.execute(world.legacyDb)
      for (const { id } of rows) await sql`kill ${sql.lit(Number(id))}`.execute(world.legacyDb).catch(() => {})
    } else {
      const db = side === 'legacy' ? world.legacyDb : world.targetDb
      await sql`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`.execute(db)
    }
    return true
  } catch {
    return false
  }
}

/** One step of the road: a phase back or forth, or the switch, there or back. Says which, if it went through. */
async function change(world: World, random: (below: number) => number): Promise<string | undefined> {
  const { migration } = world
  try {
    const { phase } = await migration.refresh()
    if (phase === 'target-primary') {
      await createCutover(migration, GATES).rollback(who)
      return 'switched back'
    }
    if (phase === 'canary' && random(3) > 0) {
      await sweep(world)
      await createCutover(migration, GATES).advance({ to: 'target-primary', ...who })
      return 'switched'
    }
    await migration.advance({ to: phase === 'canary' ? 'shadow' : 'canary', ...who, acknowledgeMs: 5_000 })
    return 'changed phase'
  } catch {
    // Refused, undone or interrupted by a fault: what it left behind is what the campaign is about.
    return undefined
  }
}

const GATES = { minParity: 0, maxLagMs: 3_000, acknowledgeMs: 5_000 } as const

async function sweep({ migration, things }: World): Promise<void> {
  for await (const finding of reconcile.sweep(migration, things)) void finding
}

/** Lets the living end, then drains what is left with a mirror of our own. */
async function settle({ migration }: World, live: ReadonlySet<Service>): Promise<void> {
  for (const { child } of live) {
    child.kill('SIGCONT')
    if (child.connected) child.send('stop')
  }
  await Promise.race([Promise.all([...live].map(({ gone }) => gone)), wait(20_000)])
  for (const { child } of live) child.kill('SIGKILL')
  const mirror = createMirror(migration)
  const deadline = Date.now() + 60_000
  for (;;) {
    try {
      const { switching } = await migration.refresh()
      await migration.sides[migration.snapshot.plan.primary].journal.retry()
      const { depth } = await mirror.drain()
      if (depth === 0 && !switching) return
    } catch (error) {
      if (Date.now() > deadline) throw error
    }
    if (Date.now() > deadline) throw new Error('the journal does not drain')
    await wait(200)
  }
}

async function images({ legacyDb, targetDb }: World): Promise<[Map<number, string>, Map<number, string>]> {
  const legacy = await legacyDb.selectFrom('things').selectAll().execute()
  const target = await targetDb.selectFrom('items').selectAll().execute()
  return [
    new Map(legacy.map(({ thing_id, txt }) => [Number(thing_id), txt])),
    new Map(target.map(({ id, label }) => [Number(id), label])),
  ]
}

function pick<T>(list: readonly T[], random: (below: number) => number): T {
  return list[random(Math.max(1, list.length))] as T
}

function generator(seed: number): (below: number) => number {
  let state = seed | 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}
