import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Measurement } from '../bench.ts'
import { quantile } from '../dual-write/statistics.ts'
import type { ReaderOrders } from './reader.ts'

export interface Reader {
  /** How long each read took that came back while `work` was under way, in milliseconds. */
  during(work: () => Promise<unknown>): Promise<readonly number[]>
  close(): Promise<void>
}

export async function openReader(orders: ReaderOrders): Promise<Reader> {
  const child: ChildProcess = fork(new URL('./reader.ts', import.meta.url), [JSON.stringify(orders)])
  await once(child, 'message')
  // Its connections, plans and pages.
  await sleep(1_000)
  return {
    async during(work) {
      child.send('begin')
      await work()
      const answer = once(child, 'message')
      child.send('end')
      return (await answer)[0] as readonly number[]
    },
    async close() {
      const ended = once(child, 'exit')
      child.send('stop')
      await ended
    },
  }
}

/**
 * What reads take idle and while `work` is at it, in turns of a few seconds, so that whatever else the machine does meets
 * both alike.
 *
 * @param work one turn of it; `false` when there is nothing left to do
 */
export async function inTurns(
  reader: Reader,
  turn: { readonly ms: number; readonly count: number },
  work: (signal: AbortSignal) => Promise<boolean>,
): Promise<readonly Measurement[]> {
  const idle: number[] = []
  const loaded: number[] = []
  for (let at = 0, left = true; left && at < turn.count; at++) {
    idle.push(...(await reader.during(() => sleep(turn.ms))))
    loaded.push(
      ...(await reader.during(async () => {
        left = await work(AbortSignal.timeout(turn.ms))
      })),
    )
  }
  const [p99Idle, p99] = [quantile(idle, 0.99), quantile(loaded, 0.99)]
  return [
    { metric: 'p50_idle', value: quantile(idle, 0.5), unit: 'ms' },
    { metric: 'p50', value: quantile(loaded, 0.5), unit: 'ms' },
    { metric: 'p99_idle', value: p99Idle, unit: 'ms' },
    { metric: 'p99', value: p99, unit: 'ms' },
    { metric: 'p99_to_idle', value: p99 / p99Idle, unit: 'x' },
    { metric: 'reads', value: loaded.length, unit: 'reads' },
  ]
}
