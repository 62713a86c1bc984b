/** The number of the nth member (from 1). Numbers have gaps, as those of a table that has been lived in. */
export function memberNumber(nth: number): number {
  return nth * 3 + (nth % 2)
}

export function firstEmail(id: number): string {
  return `member.${id}@example.org`
}

/** How many different passwords the members have: enough for variety, few enough to hash at every start. */
export const PASSWORDS = 240

/** What a member types. The traffic generator knows it; the service only ever sees it in a login. */
export function passwordOf(id: number): string {
  const index = id % PASSWORDS
  return index % 5 === 0 ? `Schlüssel-${index}-鍵` : `correct horse ${index}`
}
