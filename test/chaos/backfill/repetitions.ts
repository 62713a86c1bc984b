/** One chunk that a worker has begun to write. */
export interface Chunk {
  readonly after: number
  rows: number
}

export interface Life {
  /** Where it began to read, chunk by chunk: one more, perhaps, than it wrote. */
  readonly reads: number[]
  readonly chunks: Chunk[]
  /** How many of them travelled as text. */
  asText: number
  /** What the checkpoint was when it was dead. */
  checkpoint: number
}

export interface Repetitions {
  /** Chunks that were begun again after each death, by how many deaths had so many. */
  readonly repeatedChunks: Readonly<Record<number, number>>
  readonly mostRepeatedChunks: number
  /** Chunks that nobody read: a worker began behind the checkpoint of the one before. */
  readonly skippedChunks: number
  readonly repeatedRows: number
  readonly chunks: number
  /** Chunks that were read again after one death: the one that was written, and the one that was read ahead. */
  readonly mostReadAgain: number
}

/**
 * How often chunks were begun that a worker before had begun, by what the checkpoint was between the two. The unfinished chunk of
 * a dead worker is begun again by the next one; everything below the checkpoint is not.
 */
export function repetitions(lives: readonly Life[]): Repetitions {
  const repeatedChunks: Record<number, number> = {}
  let [mostRepeatedChunks, mostReadAgain, skippedChunks, repeatedRows] = [0, 0, 0, 0]
  for (const [at, { reads, chunks, checkpoint }] of lives.slice(0, -1).entries()) {
    // A worker that was killed before it read anything has repeated nothing yet.
    const heir = lives.slice(at + 1).find((life) => life.reads.length > 0)
    const lost = distinct(chunks.filter(({ after }) => after >= checkpoint))
    const again = distinct(heir?.chunks.filter(({ after }) => after < checkpoint) ?? [])
    const repeated = lost.length + again.length
    repeatedChunks[repeated] = (repeatedChunks[repeated] ?? 0) + 1
    mostRepeatedChunks = Math.max(mostRepeatedChunks, repeated)
    for (const { rows } of [...lost, ...again]) repeatedRows += rows
    mostReadAgain = Math.max(mostReadAgain, new Set(reads.filter((after) => after >= checkpoint)).size)
    if ((heir?.reads[0] ?? checkpoint) > checkpoint) skippedChunks++
  }
  const chunks = lives.reduce((sum, life) => sum + distinct(life.chunks).length, 0)
  return { repeatedChunks, mostRepeatedChunks, skippedChunks, repeatedRows, chunks, mostReadAgain }
}

/** A worker that could not finish a chunk because a database was busy begins it again by itself: that is no repetition. */
function distinct(chunks: readonly Chunk[]): readonly Chunk[] {
  return Array.from(new Map(chunks.map((chunk) => [chunk.after, chunk])).values())
}
