import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { createMirror } from '@twinspan/dual-write'
import { type Kysely, sql } from 'kysely'
import { mariadb } from '../../support/mariadb.ts'
import { postgres } from '../../support/postgres.ts'
import type { Failpoint } from '../failpoints.ts'
import { count } from '../fleet.ts'
import { createDiary, type Write } from '../history.ts'
import { generator, pick, type Random } from '../random.ts'
import { type Addresses, connect } from '../world.ts'
import { judge, watchTarget } from './judge.ts'
import type { Mapping, Mistake, Orders, Turn, UserMessage, UserOrders, WorkerMessage } from './messages.ts'
import { createTables, openWorld, STEP } from './records.ts'
import { type Life, repetitions } from './repetitions.ts'
import type { BackfillReport } from './report.ts'

export interface BackfillCampaignOptions {
  readonly legacy: 'postgres' | 'mariadb'
  readonly rows: number
  /** How many workers are killed with SIGKILL before one may come to the end. */
  readonly kills: number
  readonly seed: number
  /** @default 8 */
  readonly users?: number
  /** @default 1_500 */
  readonly claimMs?: number
  /** How rows are translated: what is only renamed travels as text, where the engines can. @default 'functions' */
  readonly mapping?: Mapping
  /** Has the worker do something wrong. */
  readonly mistake?: Mistake
  readonly say?: (line: string) => void
  readonly signal?: AbortSignal
}

const FAILPOINTS = ['backfill.inserted', 'backfill.committed', 'backfill.compared', 'backfill.checkpointed'] as const

/** How many chunks a worker should live for on average. */
const CHUNKS_PER_LIFE = 5

/** Users of one process. */
const AT_ONE_DOOR = 4

/** What a dead worker had sent is carried out by then. */
const BURIAL_MS = 300

const DRAIN_MS = 60_000

/**
 * Workers copy history, one after the other, and are killed: at named places of the protocol, and at random. Users write, delete
 * and add rows meanwhile, most of them where the copying is. In the end everything is drained, and the judge looks at the databases.
 */
export async function backfillCampaign(options: BackfillCampaignOptions): Promise<BackfillReport> {
  const { legacy: engine, rows, kills, seed, users = 8, claimMs = 1_500, say = () => {} } = options
  const { mapping = 'functions' } = options
  const servers = {
    legacy: await (engine === 'mariadb' ? mariadb : postgres).open<Record<string, never>>(),
    target: await postgres.open<Record<string, never>>(),
  }
  const addresses = { legacy: servers.legacy.url ?? '', target: servers.target.url ?? '' }
  const dbs = { legacy: connect<unknown>(addresses.legacy), target: connect<unknown>(addresses.target) }
  const random = generator(seed, 'deaths')
  const lastKey = rows * STEP
  const maxChunkRows = Math.max(50, Math.ceil(rows / ((kills + 1) * CHUNKS_PER_LIFE)))
  const children: ChildProcess[] = []
  const begin = (script: 'worker' | 'users', orders: Orders | UserOrders): ChildProcess => {
    const child = start(script, orders)
    children.push(child)
    return child
  }
  try {
    await createTables(dbs.legacy, dbs.target, engine, rows)
    await watchTarget(dbs.target)
    await openRoad(addresses, mapping)
    const crowds = Array.from({ length: Math.ceil(users / AT_ONE_DOOR) }, (_, at) => {
      const first = at * AT_ONE_DOOR
      const here = Math.min(AT_ONE_DOOR, users - first)
      return openCrowd(
        begin('users', { ...addresses, mapping, seed, users: here, first, ofAll: users, lastKey, pauseMs: 20 }),
      )
    })
    await Promise.all(crowds.map(({ ready }) => ready))

    const began = performance.now()
    const lives: Life[] = []
    const deaths: Record<string, number> = {}
    const failures: string[] = []
    let copied: BackfillReport['copied'] | undefined
    let next = begin('worker', { ...addresses, mapping, seed })
    while (copied === undefined && options.signal?.aborted !== true && failures.length < 3) {
      const child = next
      next = begin('worker', { ...addresses, mapping, seed })
      const life: Life = { reads: [], chunks: [], asText: 0, checkpoint: -1 }
      const died = lives.length - failures.length
      const left = Math.max(0, rows - (checkpointOf(lives) / STEP || 0))
      const fate = died < kills ? fateOf(random, left / maxChunkRows / (kills - died + 1)) : undefined
      const turn: Turn = {
        maxChunkRows,
        claimMs,
        dwellMs: 15,
        ...(fate?.at === undefined ? {} : { strike: { at: fate.at, nth: fate.chunk, how: 'kill' } }),
        ...(options.mistake === undefined ? {} : { mistake: options.mistake }),
      }
      const outcome = await live(child, turn, life, (after) => {
        for (const crowd of crowds) crowd.aim({ after, rows: maxChunkRows })
        if (fate === undefined || fate.at !== undefined || life.reads.length !== fate.chunk) return
        setTimeout(() => child.kill('SIGKILL'), fate.delayMs)
      })
      if (child.signalCode === null) {
        if (outcome?.type === 'done') copied = outcome
        else failures.push(outcome?.type === 'failed' ? outcome.error : `exit code ${child.exitCode}`)
      } else {
        count(deaths, fate?.at ?? 'at random')
        await wait(BURIAL_MS)
      }
      life.checkpoint = await readCheckpoint(dbs.target)
      lives.push(life)
      if (lives.length % 10 === 0)
        say(`${lives.length} workers, ${Math.round(checkpointOf(lives) / STEP)} of ${rows} rows`)
    }
    const seconds = Math.round((performance.now() - began) / 1_000)
    const writes = await Promise.all(crowds.map((crowd) => crowd.end()))
    await drain(addresses, mapping)
    const all = writes.flatMap((crowd) => crowd.writes)
    const findings = await judge(dbs.legacy, dbs.target, all, lastKey)
    const acknowledged = all.filter((write) => write.acknowledged !== undefined).length
    return {
      legacy: engine,
      mapping,
      asText: lives.reduce((sum, life) => sum + life.asText, 0),
      seed,
      rows,
      seconds,
      kills: deaths,
      ...repetitions(lives),
      copied: { rows: copied?.rows ?? 0, inserted: copied?.inserted ?? 0, marked: copied?.marked ?? 0 },
      acknowledged,
      unknown: all.length - acknowledged,
      errors: writes.flatMap((crowd) => crowd.errors),
      failures,
      ...findings,
    }
  } finally {
    for (const child of children) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await Promise.all([dbs.legacy.destroy(), dbs.target.destroy()])
    await servers.legacy.close()
    await servers.target.close()
  }
}

function checkpointOf(lives: readonly Life[]): number {
  return lives.at(-1)?.checkpoint ?? -1
}

interface Fate {
  /** In which of its chunks the worker dies, from 1 on. */
  readonly chunk: number
  /** `undefined`: at random, so long after the chunk was begun. */
  readonly at: Failpoint | undefined
  readonly delayMs: number
}

/** Half of the workers die at a named place, half of them anywhere. */
function fateOf(random: Random, chunksPerLife: number): Fate {
  const most = Math.max(1, Math.floor(chunksPerLife * 1.6))
  const at = random(2) === 0 ? pick(FAILPOINTS, random) : undefined
  return { chunk: 1 + random(most), at, delayMs: random(120) }
}

function start(script: 'worker' | 'users', orders: Orders): ChildProcess {
  const child = fork(new URL(`./${script}.ts`, import.meta.url), [JSON.stringify(orders)], {
    execArgv: ['--conditions=twinspan-src'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    // Whoever interrupts the campaign means the campaign, which ends its processes itself.
    detached: true,
  })
  // A message that does not arrive any more.
  child.on('error', () => {})
  return child
}

/** The last message of a worker that came to an end; `undefined` of one that was killed. */
async function live(
  child: ChildProcess,
  turn: Turn,
  life: Life,
  onRead: (after: number) => void,
): Promise<WorkerMessage | undefined> {
  let last: WorkerMessage | undefined
  child.on('message', (message: WorkerMessage) => {
    if (message.type === 'reading') {
      life.reads.push(message.after)
      onRead(message.after)
    } else if (message.type === 'writing') {
      // A part of the chunk that was read last before its first key.
      const after = Math.max(...life.reads.filter((read) => read < message.from))
      life.chunks.push({ after, rows: message.rows })
      if (message.asText) life.asText += 1
    } else last = message
  })
  const gone = once(child, 'exit')
  child.send(turn)
  await gone
  return last
}

interface Crowd {
  readonly ready: Promise<void>
  aim(chunk: { readonly after: number; readonly rows: number }): void
  end(): Promise<{ readonly writes: readonly Write[]; readonly errors: readonly string[] }>
}

function openCrowd(child: ChildProcess): Crowd {
  const diary = createDiary()
  const errors: string[] = []
  const gone = once(child, 'exit')
  const ready = new Promise<void>((resolve) => {
    child.on('message', (message: UserMessage) => {
      if (message.type === 'ready') resolve()
      else if (message.type === 'begin') diary.begin(message.id, BigInt(message.at), message.possible)
      else if (message.type === 'end') diary.end(message.id, BigInt(message.at), message.effects)
      else errors.push(message.error)
    })
    void gone.then(() => resolve())
  })
  return {
    ready,
    aim: (chunk) => void (child.connected && child.send(chunk)),
    async end() {
      if (child.connected) child.send('stop')
      await gone
      if (child.exitCode !== 0) errors.push(`users ended with ${child.signalCode ?? child.exitCode}`)
      return { writes: diary.writes, errors }
    },
  }
}

async function openRoad(addresses: Addresses, mapping: Mapping): Promise<void> {
  const { migration, legacyDb, targetDb } = openWorld(addresses, mapping)
  await migration.start()
  for (const to of ['capture', 'dual-write'] as const) {
    await migration.advance({ to, actor: 'chaos', reason: 'a campaign' })
  }
  await migration.stop()
  await Promise.all([legacyDb.destroy(), targetDb.destroy()])
}

async function drain(addresses: Addresses, mapping: Mapping): Promise<void> {
  const { migration, legacyDb, targetDb } = openWorld(addresses, mapping)
  await migration.start()
  const mirror = createMirror(migration)
  const deadline = performance.now() + DRAIN_MS
  await migration.sides.legacy.journal.retry()
  while ((await mirror.drain()).depth > 0) {
    if (performance.now() > deadline) throw new Error('The journal does not drain.')
    await wait(50)
  }
  await migration.stop()
  await Promise.all([legacyDb.destroy(), targetDb.destroy()])
}

/** The key up to which history is copied, as it stands in the database; `-1` before the first chunk. */
async function readCheckpoint(target: Kysely<unknown>): Promise<number> {
  const { rows } = await sql<{ value: string }>`select value from twinspan_document
    where migration = 'history' and name = 'backfill:records'`.execute(target)
  const through: unknown = rows[0] === undefined ? null : JSON.parse(rows[0].value).through
  return through === null ? -1 : Number(through)
}
