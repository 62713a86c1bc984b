import { type ChildProcess, fork } from 'node:child_process'
import { setTimeout as wait } from 'node:timers/promises'
import type { CaptureMode } from '@twinspan/core'
import { openProxy, type TcpProxy } from '../support/proxy.ts'
import type { Mishap } from './blame.ts'
import { FAILPOINT_NAMES, FAILPOINTS, type Failpoint, type Role, STOPPING_POINTS, type Strike } from './failpoints.ts'
import { createDiary, type Diary } from './history.ts'
import type { Command, Message, Orders, Subject } from './messages.ts'
import { generator, pick, type Random } from './random.ts'
import type { Addresses } from './world.ts'

/** A place for one process, with its own way to each database. */
export interface Slot {
  readonly number: number
  readonly role: Role
  readonly proxies: Readonly<Record<'legacy' | 'target', TcpProxy>>
  current: Member | undefined
}

export interface Member {
  readonly child: ChildProcess
  readonly slot: Slot
  readonly strike: Strike | undefined
  readonly diary: Diary
  readonly ready: Promise<void>
  readonly gone: Promise<void>
  /** Somebody of ours has sent it a signal that it does not survive. */
  condemned: boolean
  stopped: boolean
  /** It has begun to serve. */
  isReady: boolean
}

/** What the fleet has seen. */
export interface Logbook {
  /** Processes that died at a failpoint, by its name. */
  readonly failpoints: Record<string, number>
  /** Processes that ended although nobody had told them to. */
  readonly crashes: string[]
  /** What workers did, by its name; what they could not do, by the reason. */
  readonly did: Record<string, number>
  readonly refused: Record<string, number>
  readonly drift: string[]
  readonly missed: string[]
  readonly errors: Mishap[]
  /** Calls that took longer than a second. */
  readonly slow: Mishap[]
  reads: number
  processes: number
}

export interface Fleet {
  readonly slots: readonly Slot[]
  readonly log: Logbook
  readonly diaries: readonly Diary[]
  readonly living: readonly Member[]
  /** Kills the process, if it lives. */
  kill(slot: Slot): boolean
  /** Sends `SIGSTOP`; the answer sends `SIGCONT`. */
  stop(slot: Slot): (() => boolean) | undefined
  command(role: Role, command: Command): void
  /** Nobody is replaced any more; whoever does not end within the time is killed. */
  end(patienceMs: number): Promise<void>
  close(): Promise<void>
}

export interface FleetOptions extends Addresses {
  readonly subject: Subject
  readonly capture: CaptureMode
  readonly seed: number
  readonly services: number
  readonly users: number
  readonly pauseMs: number
  /** Of how many processes out of ten the fate is known before they start. */
  readonly doomed: Readonly<Record<Role, number>>
  /** How much sooner than usual a failpoint is fatal. */
  readonly haste: number
  /** Called when a process has stopped itself at a failpoint. Continued by `resume`. */
  readonly onStopping: (slot: Slot, at: Failpoint, resume: () => void) => void
}

/** How long after the death of a process the servers may still carry out what it had sent. */
const BURIAL_NS = 15_000_000_000n

const SLOW_MS = 1_000

export async function openFleet(options: FleetOptions): Promise<Fleet> {
  const fates = generator(options.seed, 'fates')
  const log: Logbook = {
    failpoints: {},
    crashes: [],
    did: {},
    refused: {},
    drift: [],
    missed: [],
    errors: [],
    slow: [],
    reads: 0,
    processes: 0,
  }
  const diaries: Diary[] = []
  let over = false
  const roles: readonly Role[] = [
    ...Array.from({ length: options.services }, () => 'service' as const),
    ...(options.subject === 'twinspan' ? (['worker'] as const) : []),
  ]
  const slots: Slot[] = await Promise.all(
    roles.map(async (role, number) => ({
      number,
      role,
      proxies: { legacy: await openProxy(hostOf(options.legacy)), target: await openProxy(hostOf(options.target)) },
      current: undefined,
    })),
  )

  function board(slot: Slot): Member {
    const strike = fates(10) < options.doomed[slot.role] ? fateOf(slot.role, options, fates) : undefined
    const index = log.processes++
    const orders: Orders = {
      subject: options.subject,
      capture: options.capture,
      legacy: through(options.legacy, slot.proxies.legacy),
      target: through(options.target, slot.proxies.target),
      index,
      seed: fates(2 ** 31),
      users: options.users,
      pauseMs: options.pauseMs,
      backfilled: log.did['backfill done'] !== undefined,
      ...(strike === undefined ? {} : { strike }),
    }
    const member = start(slot, strike, orders, (message) => hear(member, message))
    diaries.push(member.diary)
    void member.ready.then(() => {
      member.isReady = true
    })
    slot.current = member
    void member.gone.then(async () => {
      account(member)
      slot.current = undefined
      // A process that cannot start must not eat the machine that it is started on.
      if (!member.condemned && member.child.signalCode !== 'SIGKILL') await wait(500)
      if (!over) board(slot)
    })
    return member
  }

  function account({ child, strike, condemned, slot }: Member): void {
    if (condemned) return
    if (child.signalCode === 'SIGKILL' && strike?.how === 'kill') count(log.failpoints, strike.at)
    else if (!over) log.crashes.push(`a ${slot.role} ended by itself with ${child.signalCode ?? child.exitCode}`)
  }

  function hear(member: Member, message: Message): void {
    const slot = member.slot.number
    switch (message.type) {
      case 'did':
        count(log.did, message.what)
        return
      case 'refused':
        count(log.refused, `${message.what}: ${message.why}`)
        return
      case 'drift':
        log.drift.push(message.found)
        return
      case 'missed':
        log.missed.push(message.what)
        return
      case 'read':
        log.reads++
        if (message.error !== undefined)
          log.errors.push({ slot, from: ms(message.begun), to: ms(message.at), what: `read: ${message.error}` })
        return
      case 'stopping':
        member.stopped = true
        options.onStopping(member.slot, message.at, () => void resume(member))
        return
      default:
    }
  }

  /** @returns whether it still lived */
  function resume(member: Member): boolean {
    member.stopped = false
    return member.child.kill('SIGCONT')
  }

  function start(slot: Slot, strike: Strike | undefined, orders: Orders, listener: (message: Message) => void): Member {
    const child = fork(new URL(`./${slot.role}.ts`, import.meta.url), [JSON.stringify(orders)], {
      execArgv: ['--conditions=twinspan-src'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      // Whoever interrupts the campaign means the campaign, which ends its processes itself.
      detached: true,
    })
    // A message that does not arrive any more.
    child.on('error', () => {})
    const diary = createDiary()
    const begun = new Map<number, number>()
    const took = (id: number, at: string): Mishap => ({
      slot: slot.number,
      from: begun.get(id) ?? 0,
      to: ms(at),
      what: '',
    })
    const ready = new Promise<void>((resolve) => {
      child.on('message', (message: Message) => {
        if (message.type === 'ready') resolve()
        else if (message.type === 'begin') {
          begun.set(message.id, ms(message.at))
          diary.begin(message.id, BigInt(message.at), message.possible)
        } else if (message.type === 'end' || message.type === 'error') {
          const call = took(message.id, message.at)
          begun.delete(message.id)
          if (message.type === 'end') diary.end(message.id, BigInt(message.at), message.effects, message.before)
          else log.errors.push({ ...call, what: `write: ${message.error}` })
          if (call.to - call.from > SLOW_MS) log.slow.push({ ...call, what: `${Math.round(call.to - call.from)} ms` })
        } else listener(message)
      })
      child.once('exit', () => resolve())
    })
    const gone = new Promise<void>((resolve) => {
      child.once('exit', () => {
        diary.bury(process.hrtime.bigint() + BURIAL_NS)
        resolve()
      })
    })
    return { child, slot, strike, diary, ready, gone, condemned: false, stopped: false, isReady: false }
  }

  const living = (): Member[] => slots.flatMap(({ current }) => (current === undefined ? [] : [current]))

  for (const slot of slots) board(slot)
  await Promise.all(living().map(({ ready }) => ready))

  return {
    slots,
    log,
    diaries,
    get living() {
      return living()
    },
    kill({ current }) {
      if (current === undefined || current.condemned) return false
      current.condemned = true
      return current.child.kill('SIGKILL')
    },
    stop({ current }) {
      if (current === undefined || current.condemned || current.stopped || !current.child.kill('SIGSTOP'))
        return undefined
      current.stopped = true
      return () => resume(current)
    },
    command(role, command) {
      for (const { child, slot } of living()) if (slot.role === role && child.connected) child.send(command)
    },
    async end(patienceMs) {
      over = true
      const ending = living()
      for (const member of ending) {
        resume(member)
        // Whatever a worker is at, somebody else finishes it or undoes it.
        if (member.slot.role === 'worker') {
          member.condemned = true
          member.child.kill('SIGKILL')
        } else if (member.child.connected) member.child.send('stop' satisfies Command)
      }
      const patience = new AbortController()
      const impatient = wait(patienceMs, undefined, { signal: patience.signal }).catch(() => {})
      await Promise.race([Promise.all(ending.map(({ gone }) => gone)), impatient])
      patience.abort()
      for (const member of living()) {
        log.crashes.push(`a ${member.slot.role} did not end within ${patienceMs} ms of being asked to`)
        member.condemned = true
        member.child.kill('SIGKILL')
      }
      await Promise.all(ending.map(({ gone }) => gone))
    },
    async close() {
      over = true
      const left = living()
      for (const member of left) {
        member.condemned = true
        member.child.kill('SIGKILL')
      }
      await Promise.all(left.map(({ gone }) => gone))
      await Promise.all(slots.flatMap(({ proxies }) => [proxies.legacy.close(), proxies.target.close()]))
    },
  }
}

/** What a process is to come to: most of them die at a failpoint, some stop there for a while. */
function fateOf(role: Role, { subject, haste }: FleetOptions, random: Random): Strike {
  if (role === 'service' && subject === 'twinspan' && random(3) === 0) {
    return { at: pick(STOPPING_POINTS, random), nth: 1 + random(8), how: 'stop' }
  }
  const open = FAILPOINT_NAMES.filter(
    (name) =>
      (FAILPOINTS[name].roles as readonly Role[]).includes(role) &&
      // Whoever has no journal comes by the writes of the application alone.
      (subject === 'twinspan' || name.startsWith('write')),
  )
  const at = pick(open, random)
  return { at, nth: 1 + random(Math.ceil(FAILPOINTS[at].within / haste)), how: 'kill' }
}

export function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1
}

function hostOf(url: string): { readonly host: string; readonly port: number } {
  const { hostname, port, protocol } = new URL(url)
  return { host: hostname, port: Number(port) || (protocol.startsWith('mysql') ? 3306 : 5432) }
}

function through(url: string, proxy: TcpProxy): string {
  const address = new URL(url)
  address.hostname = '127.0.0.1'
  address.port = String(proxy.port)
  return address.href
}

function ms(at: string): number {
  return Number(BigInt(at) / 1_000n) / 1_000
}
