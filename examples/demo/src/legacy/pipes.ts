/** A list as the old schema keeps it. An empty string is the empty list. */
export function joinPipes(parts: readonly string[]): string {
  return parts.join('|')
}

export function splitPipes(text: string): string[] {
  return text === '' ? [] : text.split('|')
}
