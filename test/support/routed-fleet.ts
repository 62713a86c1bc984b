import { type ChildProcess, fork } from 'node:child_process'
import type { RoutedNews, RoutedOrder } from './routed-service.ts'

/** Processes of a routed service, and what each of them says. */
export interface Fleet {
  readonly size: number
  /** Tells one process what to do and waits until it is done. Returns when it was begun, in milliseconds since 1970. */
  order(index: number, order: RoutedOrder): Promise<number>
  /** Tells it and does not wait. */
  tell(index: number, order: RoutedOrder): void
  /** Waits until every process decides for this side, and says when each of them began to. */
  until(side: 'legacy' | 'target', timeoutMs: number): Promise<readonly Turn[]>
  close(): Promise<void>
}

export interface Turn {
  readonly at: number
  readonly reason: string
}

export interface FleetOptions {
  readonly size: number
  readonly url: string
  /** How many of the processes hear notifications; the others, the last ones, only look. */
  readonly listening: number
  readonly leaseMs: number
  /** How often those that listen look by themselves. @default 1_000 */
  readonly refreshMs?: number
}

/** Starts the processes and takes them all to target. */
export async function openFleet({ size, url, listening, leaseMs, refreshMs = 1_000 }: FleetOptions): Promise<Fleet> {
  const members: Member[] = []
  const start = (index: number): Member =>
    index < listening
      ? startMember([url, 'listen', String(leaseMs), String(refreshMs)])
      : startMember([url, 'look', String(leaseMs), '1000'])
  // The first one sets the tables up; the others would only wait for it.
  members.push(start(0))
  await members[0]?.ready
  await members[0]?.order('set-up')
  for (let n = 1; n < size; n++) members.push(start(n))
  await Promise.all(members.map(({ ready }) => ready))
  const member = (index: number): Member => {
    const found = members[index]
    if (found === undefined) throw new Error(`There is no process ${index}.`)
    return found
  }
  const fleet: Fleet = {
    size,
    order: (index, order) => member(index).order(order),
    tell(index, order) {
      member(index)
        .order(order)
        .catch(() => {})
    },
    until: (side, timeoutMs) => Promise.all(members.map((one) => one.until(side, timeoutMs))),
    async close() {
      await Promise.all(members.map((one) => one.close()))
    },
  }
  await fleet.order(0, 'target')
  await fleet.until('target', 30_000)
  return fleet
}

interface Member {
  readonly ready: Promise<void>
  order(order: RoutedOrder): Promise<number>
  until(side: 'legacy' | 'target', timeoutMs: number): Promise<Turn>
  close(): Promise<void>
}

function startMember(args: readonly string[]): Member {
  const child = fork(new URL('./routed-service.ts', import.meta.url), args, {
    execArgv: ['--conditions=twinspan-src'],
  })
  const listeners = new Set<(news: RoutedNews) => void>()
  let last: (Turn & { readonly side: string }) | undefined
  child.on('message', (news: RoutedNews) => {
    if (news.type === 'side') last = news
    for (const listener of listeners) listener(news)
  })

  function first<T>(timeoutMs: number, what: string, match: (news: RoutedNews) => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        listeners.delete(listener)
        clearTimeout(timer)
        child.off('exit', died)
      }
      const listener = (news: RoutedNews): void => {
        const found = match(news)
        if (found === undefined) return
        end()
        resolve(found)
      }
      const died = (code: number | null): void => {
        end()
        reject(new Error(`A process ended with ${code} while it was waited for: ${what}.`))
      }
      const timer = setTimeout(() => {
        end()
        reject(new Error(`${what} took more than ${timeoutMs} ms; the last it said was ${JSON.stringify(last)}.`))
      }, timeoutMs)
      listeners.add(listener)
      child.once('exit', died)
    })
  }

  return {
    ready: first(60_000, 'a start', (news) => (news.type === 'ready' ? true : undefined)).then(() => {}),
    order(order) {
      child.send(order)
      return first(60_000, order, (news) => (news.type === 'done' && news.order === order ? news.at : undefined))
    },
    async until(side, timeoutMs) {
      if (last?.side === side) return last
      return first(timeoutMs, `deciding for ${side}`, (news) =>
        news.type === 'side' && news.side === side ? news : undefined,
      )
    },
    close: () => end(child),
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGKILL')
  await ended
}
