/** The size of libuv's thread pool, on which every native key derivation runs. */
export function availableThreads(size: string | undefined = process.env['UV_THREADPOOL_SIZE']): number {
  const asked = Number.parseInt(size ?? '', 10)
  return Number.isNaN(asked) ? 4 : Math.min(1_024, Math.max(1, asked))
}
