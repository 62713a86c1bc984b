import { AsyncLocalStorage } from 'node:async_hooks'
import type { Snapshot } from './migration.ts'

/** What one unit of work (a request, a job) goes by from its first await to its last. */
export interface UnitOfWork {
  /** Moves only when the fence has refused this unit: everybody else's phase change leaves it alone. */
  snapshot: Snapshot
  /** Whom the work is done for: what the router decides by where an operation names nobody. */
  readonly unit: string | undefined
  /** What was decided once for the whole unit, by whoever decided it. */
  readonly pinned: Map<string, unknown>
  /** Set when the request is over: what it left running belongs to no unit any more and goes by the newest phase. */
  released?: boolean
}

/** The unit of work that the current asynchronous context belongs to. */
export interface UnitOfWorkContext {
  /** Runs `work` as one unit. A unit inside a unit is part of the outer one. */
  run<T>(begin: () => UnitOfWork, work: () => T): T
  current(): UnitOfWork | undefined
  /** Runs `work` as part of no unit. */
  exit<T>(work: () => T): T
}

export function createUnitOfWorkContext(): UnitOfWorkContext {
  const storage = new AsyncLocalStorage<UnitOfWork>()
  function current(): UnitOfWork | undefined {
    const unit = storage.getStore()
    return unit?.released === true ? undefined : unit
  }
  return {
    run: (begin, work) => (current() === undefined ? storage.run(begin(), work) : work()),
    current,
    exit: (work) => storage.exit(work),
  }
}
