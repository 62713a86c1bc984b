import type { Comparison } from './comparison.ts'

/** Waits, or throws the signal's reason. */
export async function pause({ migration, settings }: Comparison, ms: number): Promise<void> {
  if (ms <= 0) return
  // The migration's own timers keep no process alive, and nothing else may be open while we wait.
  const alive = setInterval(() => {}, 60_000)
  try {
    await migration.sleep(ms, settings.signal)
  } finally {
    clearInterval(alive)
  }
}
