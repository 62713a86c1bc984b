import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Cutover,
  CutoverAbortedError,
  CutoverBlockedError,
  type CutoverOptions,
  type CutoverResult,
  createCutover,
} from '@twinspan/cutover'
import { createMirror } from '@twinspan/dual-write'
import type { Kysely } from 'kysely'
import type { Engine } from '../../support/engines.ts'
import { by, prepareSwitch } from '../service.ts'
import { createLegacy, createTarget, type LegacyDB, type TargetDB } from '../two-schemas.ts'
import { createWitness, type Witness, type WitnessDB } from './accounts.ts'
import type { Command, Made, News, Orders } from './messages.ts'
import { type Opened, openMigration } from './migration.ts'
import type { Place } from './stores.ts'

export interface FleetOptions {
  readonly legacy: Engine
  readonly target: Engine
  readonly processes: number
  /** Changes per second, of all processes together. */
  readonly rate: number
  readonly refreshMs: number
  /** For the processes: `['--conditions=twinspan-src']` where nothing is built. */
  readonly execArgv: readonly string[]
  readonly cutover?: CutoverOptions
}

/** Processes of a service with users, and somebody beside them who drives the switch. */
export interface Fleet {
  readonly cut: Cutover
  /** The driver's. */
  readonly migration: Opened['migration']
  begin(): void
  /** Lets a process of its own drive a move, and be killed right after a step of it. */
  killAfter(step: string, to: 'target-primary' | 'canary'): Promise<void>
  /** Ends the users and tells what they were told, and what both databases hold. */
  end(): Promise<Outcome>
  close(): Promise<void>
}

export interface Outcome {
  readonly made: readonly Made[]
  /** What users were told instead of an answer. */
  readonly errors: readonly string[]
  /** Changes that were acknowledged and are on neither side, or on both. */
  readonly lost: readonly string[]
  readonly twice: readonly string[]
  /** Changes that a side took while its fence row did not say that it is the open primary. */
  readonly onDemoted: readonly string[]
  /** Accounts that do not hold what their user was told, on each side. */
  readonly wrong: Readonly<Record<'legacy' | 'target', readonly number[]>>
}

const USERS = 10
const SEEDED = 400

export async function openFleet(options: FleetOptions): Promise<Fleet> {
  const { processes, rate, refreshMs } = options
  const closing: (() => Promise<unknown>)[] = []
  const close = async (): Promise<void> => {
    for (const end of closing.splice(0).reverse()) await end()
  }
  try {
    const legacy = await openPlace(options.legacy, closing)
    const target = await openPlace(options.target, closing)
    const orders = { legacy, target, refreshMs }
    const driver = openMigration(orders)
    closing.push(async () => {
      await driver.migration.stop()
      await driver.legacyDb.destroy()
      await driver.targetDb.destroy()
    })
    await createLegacy(driver.legacyDb as unknown as Kysely<LegacyDB>, legacy.engine)
    await createTarget(driver.targetDb as unknown as Kysely<TargetDB>, target.engine)
    await createWitness(driver.legacyDb as unknown as Kysely<WitnessDB>, legacy)
    await createWitness(driver.targetDb as unknown as Kysely<WitnessDB>, target)
    await driver.legacyDb
      .insertInto('members')
      .values(Array.from({ length: SEEDED }, (_, n) => ({ mail: `seed${n}`, status: 'Active', points: 0 })))
      .execute()
    await driver.migration.start()
    const mirror = createMirror(driver.migration)
    await prepareSwitch({ migration: driver.migration, mirror })

    const children = Array.from({ length: processes }, (_, index) => {
      const each: Orders = { ...orders, index, processes, users: USERS, rate: rate / processes, seeded: SEEDED }
      const child = fork(new URL('./process.ts', import.meta.url), [JSON.stringify(each)], {
        execArgv: [...options.execArgv],
      })
      closing.push(() => kill(child))
      return child
    })
    await Promise.all(children.map((child) => news(child, 'ready')))
    const tell = (command: Command): void => {
      for (const child of children) child.send(command)
    }
    return {
      cut: createCutover(driver.migration, { drain: () => mirror.drain(), ...options.cutover }),
      migration: driver.migration,
      begin: () => tell('begin'),
      async killAfter(step, to) {
        const killed = fork(new URL('./killed-driver.ts', import.meta.url), [JSON.stringify(orders), to, step], {
          execArgv: [...options.execArgv],
        })
        closing.push(() => kill(killed))
        const [code, signal] = (await once(killed, 'exit')) as [number | null, string | null]
        if (signal !== 'SIGKILL') throw new Error(`The driver was not killed after ${step}, it ended with ${code}.`)
      },
      async end() {
        const told = Promise.all(children.map((child) => news(child, 'ended')))
        tell('end')
        const ended = await told
        await mirror.drain()
        return judge(driver, ended)
      },
      close,
    }
  } catch (error) {
    await close().catch(() => {})
    throw error
  }
}

async function openPlace(engine: Engine, closing: (() => Promise<unknown>)[]): Promise<Place> {
  if (engine.name === 'sqlite') {
    const directory = await mkdtemp(join(tmpdir(), 'twinspan-'))
    closing.push(() => rm(directory, { recursive: true, force: true }))
    return { engine: 'sqlite', at: join(directory, 'legacy.db') }
  }
  if (engine.name === 'pglite') {
    const server = fork(new URL('./pglite-server.ts', import.meta.url), { execArgv: [] })
    closing.push(() => kill(server))
    const [port] = (await once(server, 'message')) as [number]
    return { engine: 'pglite', at: `postgres://postgres@127.0.0.1:${port}/postgres` }
  }
  const opened = await engine.open()
  closing.push(() => opened.close())
  return { engine: engine.name, at: opened.url as string }
}

function news<Type extends News['type']>(child: ChildProcess, type: Type): Promise<Extract<News, { type: Type }>> {
  return new Promise((resolve, reject) => {
    child.on('message', (message: News) => {
      if (message.type === type) resolve(message as Extract<News, { type: Type }>)
    })
    child.once('exit', (code, signal) => reject(new Error(`A process ended with ${signal ?? code}.`)))
  })
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

async function judge(driver: Opened, ended: readonly Extract<News, { type: 'ended' }>[]): Promise<Outcome> {
  const { legacyDb, targetDb } = driver
  const made = ended.flatMap((one) => one.made)
  const witnesses = {
    legacy: await legacyDb.selectFrom('witness').selectAll().execute(),
    target: await targetDb.selectFrom('witness').selectAll().execute(),
  }
  const seen = { legacy: new Set(opsOf(witnesses.legacy)), target: new Set(opsOf(witnesses.target)) }
  const ops = made.map(([op]) => op)
  const demoted = (side: 'legacy' | 'target'): readonly string[] =>
    witnesses[side]
      .filter(({ primary_side, open }) => primary_side !== side || Number(open) !== 1)
      .map(
        ({ op, epoch, primary_side, open }) =>
          `${op} on ${side}, epoch ${epoch}, primary ${primary_side}, open ${open}`,
      )

  const legacy = await legacyDb.selectFrom('members').select(['member_id as id', 'points']).execute()
  const target = await targetDb.selectFrom('users').select(['id', 'points']).execute()
  const expected = new Map(ended.flatMap((one) => one.expected))
  const wrong = (rows: readonly { readonly id: number; readonly points: number }[]): readonly number[] => {
    const held = new Map(rows.map(({ id, points }) => [Number(id), Number(points)]))
    const all = new Set([...held.keys(), ...expected.keys()])
    return [...all].filter((id) => held.get(id) !== expected.get(id))
  }
  return {
    made,
    errors: ended.flatMap((one) => one.errors),
    lost: ops.filter((op) => !seen.legacy.has(op) && !seen.target.has(op)),
    twice: ops.filter((op) => seen.legacy.has(op) && seen.target.has(op)),
    onDemoted: [...demoted('legacy'), ...demoted('target')],
    wrong: { legacy: wrong(legacy), target: wrong(target) },
  }
}

function opsOf(rows: readonly Witness[]): readonly string[] {
  return rows.map(({ op }) => op)
}

export interface Switched {
  readonly result: CutoverResult
  /** When it was asked for first and when it was over, in milliseconds since 1970. */
  readonly from: number
  readonly until: number
  /** Why it was refused or given up before, once for every time. */
  readonly refusals: readonly string[]
}

const ATTEMPTS = 10

/** There and back, so many times. What a gate refuses, or is given up and undone, is tried again, as an operator would. */
export async function switchThereAndBack(
  { cut, migration }: Pick<Fleet, 'cut' | 'migration'>,
  times: number,
  between: () => Promise<unknown>,
): Promise<readonly Switched[]> {
  const switched: Switched[] = []
  for (let round = 0; round < times; round++) {
    for (const move of [
      () => cut.advance({ to: 'target-primary', ...by }),
      () => cut.rollback({ to: 'canary', ...by }),
    ]) {
      await between()
      const from = Date.now()
      const refusals: string[] = []
      for (;;) {
        try {
          switched.push({ result: await move(), from, until: Date.now(), refusals })
          break
        } catch (error) {
          const passing = error instanceof CutoverBlockedError || error instanceof CutoverAbortedError
          if (!passing || refusals.push(error.message) === ATTEMPTS) throw error
          await migration.sleep(500)
        }
      }
    }
  }
  await between()
  return switched
}
