import { type Key, keyText } from '@twinspan/core'
import type { Job } from '../job.ts'
import type { ReadChunk } from './read-chunk.ts'

/** The chunk that was read while the one before it was copied. */
export interface ReadAhead {
  /** Whether the chunk before has left legacy no rest to take. */
  isFree: boolean
  /** Waits for the chunk; what fails is met again by whoever reads it anew. */
  begin(reading: Promise<ReadChunk>): Promise<void>
  /** The chunk behind `after`, once. `undefined` where there is none, it is larger than `limit`, or of another epoch. */
  take(job: Job, after: Key | null, limit: number): ReadChunk | undefined
  forget(): void
}

export function createReadAhead(): ReadAhead {
  let chunk: ReadChunk | undefined
  return {
    isFree: false,
    begin: (reading) =>
      reading.then(
        (read) => {
          chunk = read
        },
        () => {},
      ),
    take({ migration }, after, limit) {
      const taken = chunk
      chunk = undefined
      const from = taken?.stretch.after ?? null
      if (taken === undefined || from === null || after === null || keyText(from) !== keyText(after)) return undefined
      return taken.limit <= limit && taken.epoch === migration.snapshot.epoch ? taken : undefined
    },
    forget() {
      chunk = undefined
    },
  }
}
