/** The value below which this share of the values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/**
 * What each subject came to in each round, taken in turn and every round in another order: whatever else the machine does
 * meanwhile meets all of them alike.
 */
export async function interleaved<Subject, Result>(
  subjects: readonly Subject[],
  rounds: number,
  measure: (subject: Subject) => Promise<Result>,
): Promise<ReadonlyMap<Subject, readonly Result[]>> {
  const results = new Map<Subject, Result[]>(subjects.map((subject) => [subject, []]))
  for (let round = 0; round < rounds; round++) {
    const from = round % subjects.length
    const order = [...subjects.slice(from), ...subjects.slice(0, from)]
    for (const subject of round % 2 === 0 ? order : order.toReversed()) {
      results.get(subject)?.push(await measure(subject))
    }
  }
  return results
}
