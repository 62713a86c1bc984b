import { readFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Admitted, createAdmission } from '../src/index.ts'
import { availableThreads } from '../src/threads.ts'

/** Work that ends when it is told to. */
function held(): {
  readonly work: () => Promise<string>
  readonly finish: () => void
  readonly started: () => boolean
} {
  let finish = (): void => {}
  let begun = false
  const ended = new Promise<string>((resolve) => {
    finish = () => resolve('done')
  })
  return {
    work: () => {
      begun = true
      return ended
    },
    finish: () => finish(),
    started: () => begun,
  }
}

describe('A5 the gate before key derivation', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('runs as many at once as it has permits, in the order of their arrival', async () => {
    const gate = createAdmission({ permits: 2 })
    const jobs = [held(), held(), held(), held()]
    const results = jobs.map(({ work }, at) => gate.run(`login ${at}`, work))
    await vi.advanceTimersByTimeAsync(0)
    expect(jobs.map(({ started }) => started())).toEqual([true, true, false, false])
    jobs[1]?.finish()
    await vi.advanceTimersByTimeAsync(0)
    expect(jobs.map(({ started }) => started())).toEqual([true, true, true, false])
    for (const { finish } of jobs) finish()
    expect(await Promise.all(results)).toEqual(jobs.map(() => ({ admitted: true, value: 'done' })))
  })

  it('turns away what finds no room, and what waits too long', async () => {
    const gate = createAdmission({ permits: 1, queue: 1, waitMs: 1_000 })
    const first = held()
    const running = gate.run('a', first.work)
    const waiting = gate.run('b', held().work)
    expect(await gate.run('c', held().work)).toMatchObject({ admitted: false })
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await waiting).toMatchObject({ admitted: false })
    first.finish()
    expect(await running).toMatchObject({ admitted: true })
  })

  it('does not let one login fill the queue', async () => {
    const gate = createAdmission({ permits: 1, queue: 100, perLogin: 3 })
    const attacked = held()
    const results: Promise<Admitted<string>>[] = []
    for (let count = 0; count < 50; count++) results.push(gate.run('victim', attacked.work))
    const other = gate.run('somebody else', async () => 'in')
    attacked.finish()
    expect(await other).toEqual({ admitted: true, value: 'in' })
    const settled = await Promise.all(results)
    expect(settled.filter(({ admitted }) => admitted)).toHaveLength(3)
    // Its places are free again.
    expect(await gate.run('victim', async () => 'in')).toMatchObject({ admitted: true })
  })

  it('lets logins take turns, however many wait of one', async () => {
    const gate = createAdmission({ permits: 1, queue: 100 })
    const first = held()
    const order: string[] = []
    const running = gate.run('busy login', first.work)
    const note = (login: string) => gate.run(login, async () => void order.push(login))
    const all = [...Array.from({ length: 5 }, () => note('busy login')), note('b'), note('c'), note('b')]
    first.finish()
    await Promise.all([running, ...all])
    expect(order).toEqual(['busy login', 'b', 'c', 'busy login', 'b', 'busy login', 'busy login', 'busy login'])
  })

  it('says when to come back: about when those who are before one will be through', async () => {
    const gate = createAdmission({ permits: 2, queue: 4, waitMs: 60_000 })
    const job = () => gate.run('a', () => new Promise<void>((resolve) => setTimeout(resolve, 400)))
    const done = Promise.all([job(), job()])
    await vi.advanceTimersByTimeAsync(400)
    await done
    const all = Array.from({ length: 6 }, job)
    const refused = await gate.run('b', async () => 'in')
    expect(refused).toEqual({ admitted: false, retryAfterMs: expect.any(Number) })
    // Two at work and four waiting, two at a time, 400 ms each.
    expect(refused.admitted || refused.retryAfterMs).toBeGreaterThanOrEqual(1_100)
    expect(refused.admitted || refused.retryAfterMs).toBeLessThanOrEqual(1_300)
    await vi.advanceTimersByTimeAsync(1_200)
    await Promise.all(all)
  })

  it('holds the permit until the work ends, and frees it when the work fails', async () => {
    const gate = createAdmission({ permits: 1, waitMs: 10 })
    await expect(gate.run('a', () => Promise.reject(new Error('failed')))).rejects.toThrow('failed')
    expect(await gate.run('a', async () => 'in')).toMatchObject({ admitted: true })
  })

  it('leaves the queue when the caller gives up, and keeps the permits whole', async () => {
    const gate = createAdmission({ permits: 1, queue: 1 })
    const first = held()
    const running = gate.run('a', first.work)
    const abort = new AbortController()
    const waiting = gate.run('b', held().work, abort.signal)
    setTimeout(() => abort.abort(new Error('left')))
    void vi.advanceTimersByTimeAsync(1)
    await expect(waiting).rejects.toThrow('left')
    first.finish()
    await running
    expect(await gate.run('c', async () => 'in')).toMatchObject({ admitted: true })
    await expect(gate.run('d', async () => 'in', abort.signal)).rejects.toThrow('left')
  })
})

describe('the threads of libuv', () => {
  it.each([
    [undefined, 4],
    ['8', 8],
    ['0', 1],
    ['many', 4],
    ['99999', 1_024],
  ])('reads UV_THREADPOOL_SIZE=%s as %s', (size, threads) => {
    expect(availableThreads(size)).toBe(threads)
  })
})

describe('files and logins together', () => {
  it('answers a read of a file while many passwords wait to be computed', async () => {
    const { argon2id } = await import('../src/index.ts')
    const gate = createAdmission()
    const hasher = argon2id()
    const logins = Array.from({ length: 24 }, (_, at) =>
      gate.run(`login ${at}`, () => hasher.hash(Buffer.from('password'))),
    )
    const waits: number[] = []
    for (let count = 0; count < 10; count++) {
      const started = performance.now()
      await readFile(new URL(import.meta.url))
      waits.push(performance.now() - started)
    }
    await Promise.all(logins)
    // Without the gate each read waits for a thread behind all 24: half a second and more.
    expect(waits.toSorted((a, b) => a - b)[5]).toBeLessThan(100)
  })
})
