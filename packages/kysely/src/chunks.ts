/** Pieces of at most `size`, in order. */
export function* chunks<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  const step = Math.max(1, Math.floor(size))
  for (let start = 0; start < items.length; start += step) yield items.slice(start, start + step)
}
