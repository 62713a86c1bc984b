import { TimeoutError } from '../../errors.ts'

export type LockMode = 'shared' | 'exclusive'

/** Two owners wait for each other; the one that noticed gives up. The code is PostgreSQL's. */
class MemoryDeadlockError extends Error {
  override readonly name = 'MemoryDeadlockError'
  readonly code = '40P01'
}

interface Waiter {
  readonly owner: object
  readonly mode: LockMode
  readonly grant: () => void
}

interface Lock {
  readonly holders: Map<object, LockMode>
  waiters: Waiter[]
}

/** Named locks, shared or exclusive, granted first come first served: an exclusive one is not starved by shared ones. */
export interface Locks {
  /** Waits for the lock. An owner that holds it shared and is alone may take it exclusively. */
  acquire(owner: object, name: string, mode: LockMode, timeoutMs?: number): Promise<void>
  /** Takes the lock if nobody has to wait for it. */
  tryAcquire(owner: object, name: string, mode: LockMode): boolean
  /** Gives back everything that the owner holds or waits for. */
  releaseAll(owner: object): void
}

export function createLocks(): Locks {
  const locks = new Map<string, Lock>()

  function lockOf(name: string): Lock {
    const lock = locks.get(name) ?? { holders: new Map(), waiters: [] }
    locks.set(name, lock)
    return lock
  }

  function compatible(lock: Lock, owner: object, mode: LockMode): boolean {
    for (const [holder, held] of lock.holders) {
      if (holder !== owner && (mode === 'exclusive' || held === 'exclusive')) return false
    }
    return true
  }

  function hold(lock: Lock, owner: object, mode: LockMode): void {
    if (lock.holders.get(owner) !== 'exclusive') lock.holders.set(owner, mode)
  }

  function serve(lock: Lock): void {
    while (lock.waiters.length > 0) {
      const [first] = lock.waiters
      if (first === undefined || !compatible(lock, first.owner, first.mode)) return
      lock.waiters.shift()
      hold(lock, first.owner, first.mode)
      first.grant()
    }
  }

  function tryAcquire(owner: object, name: string, mode: LockMode): boolean {
    const lock = lockOf(name)
    const held = lock.holders.get(owner)
    if (held === 'exclusive' || held === mode) return true
    if (lock.waiters.length > 0 || !compatible(lock, owner, mode)) return false
    hold(lock, owner, mode)
    return true
  }

  /** Whether `owner` would wait for somebody who, over any number of others, waits for `owner`. */
  function deadlocks(owner: object, lock: Lock, seen: Set<object> = new Set()): boolean {
    for (const other of [...lock.holders.keys(), ...lock.waiters.map((waiter) => waiter.owner)]) {
      if (other === owner) {
        if (seen.size > 0) return true
        continue
      }
      if (seen.has(other)) continue
      seen.add(other)
      for (const waited of locks.values()) {
        if (waited.waiters.some((waiter) => waiter.owner === other) && deadlocks(owner, waited, seen)) return true
      }
    }
    return false
  }

  return {
    tryAcquire,
    acquire(owner, name, mode, timeoutMs) {
      if (tryAcquire(owner, name, mode)) return Promise.resolve()
      const lock = lockOf(name)
      if (deadlocks(owner, lock)) return Promise.reject(new MemoryDeadlockError(`deadlock on ${name}`))
      return new Promise((resolve, reject) => {
        const timer =
          timeoutMs === undefined
            ? undefined
            : setTimeout(() => {
                lock.waiters = lock.waiters.filter((other) => other !== waiter)
                serve(lock)
                reject(new TimeoutError(`Waiting for lock ${name}`, timeoutMs))
              }, timeoutMs)
        const waiter: Waiter = {
          owner,
          mode,
          grant() {
            clearTimeout(timer)
            resolve()
          },
        }
        lock.waiters.push(waiter)
      })
    },
    releaseAll(owner) {
      for (const lock of locks.values()) {
        lock.holders.delete(owner)
        lock.waiters = lock.waiters.filter((waiter) => waiter.owner !== owner)
        serve(lock)
      }
    },
  }
}
