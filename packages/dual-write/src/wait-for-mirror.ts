import type { Migration } from '@twinspan/core'

/** How often the journal is asked when no mirror of this process tells of its copies. */
const POLL_MS = 25

/** Returns when none of the keys is dirty any more, or when the budget is spent: whichever comes first. Never throws. */
export async function waitForMirror(
  migration: Migration,
  entity: string,
  keys: readonly string[],
  budgetMs: number,
): Promise<void> {
  const { journal } = migration.sides[migration.snapshot.plan.primary]
  const spent = new AbortController()
  const timer = setTimeout(() => spent.abort(), budgetMs)
  const budget = new Promise<void>((resolve) => spent.signal.addEventListener('abort', () => resolve(), { once: true }))
  let wake = (): void => {}
  const unsubscribe = migration.events.on('mirrored', (event) => {
    if (event.entity === entity) wake()
  })
  try {
    const clean = (async () => {
      while (!spent.signal.aborted) {
        const woken = new Promise<void>((resolve) => {
          wake = resolve
        })
        if ((await journal.dirty(entity, keys)).size === 0) return
        await Promise.race([woken, migration.sleep(POLL_MS)])
      }
    })()
    await Promise.race([clean.catch(() => {}), budget])
  } finally {
    clearTimeout(timer)
    spent.abort()
    unsubscribe()
  }
}
