/** How long somebody was at work, however many things were done at once. */
export interface BusyTime {
  during<T>(work: () => Promise<T>): Promise<T>
  /** Milliseconds since it was last asked. */
  take(): number
}

export function createBusyTime(now: () => number): BusyTime {
  let atWork = 0
  let since = 0
  let ms = 0
  const settle = (): void => {
    const at = now()
    if (atWork > 0) ms += at - since
    since = at
  }

  return {
    async during(work) {
      settle()
      atWork++
      try {
        return await work()
      } finally {
        settle()
        atWork--
      }
    },
    take() {
      settle()
      const taken = ms
      ms = 0
      return taken
    },
  }
}
