import { setImmediate } from 'node:timers/promises'

/** How long the rounds of one hash may keep the event loop to themselves. */
const SLICE_MS = 1

/** Runs `step` once a round, in order, and gives the event loop back after each millisecond. */
export async function inRounds(count: number, step: (round: number) => void): Promise<void> {
  let until = performance.now() + SLICE_MS
  for (let round = 0; round < count; round++) {
    step(round)
    if (round % 32 === 31 && performance.now() > until) {
      await setImmediate()
      until = performance.now() + SLICE_MS
    }
  }
}
