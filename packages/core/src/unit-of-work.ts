import { AsyncLocalStorage } from 'node:async_hooks'

/** Gives everything that one unit of work awaits the same value, however often the current one changes meanwhile. */
export interface Pin<Value> {
  /** Runs `work` with `value` pinned. A unit inside a unit keeps the outer pin: it is the same piece of work. */
  run<T>(value: Value, work: () => T): T
  /** The pinned value; `undefined` outside of a unit. */
  get(): Value | undefined
  /** Replaces the pinned value for the rest of the unit. Does nothing outside of one. */
  move(value: Value): void
}

export function createPin<Value>(): Pin<Value> {
  const storage = new AsyncLocalStorage<{ value: Value }>()
  return {
    run: (value, work) => (storage.getStore() === undefined ? storage.run({ value }, work) : work()),
    get: () => storage.getStore()?.value,
    move(value) {
      const holder = storage.getStore()
      if (holder !== undefined) holder.value = value
    },
  }
}
