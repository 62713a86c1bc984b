import { StringDecoder } from 'node:string_decoder'

/** Longer lines are cut: what is not a line of a dump shall not fill the memory. */
const LONGEST = 65_536

/** Whether what comes is a stream of bytes or of pieces of text, in which the rows are lines. */
export function isTextStream(rows: object): boolean {
  return 'readableObjectMode' in rows && rows.readableObjectMode === false
}

/** The lines of a stream, however it was cut into pieces. */
export async function* linesOf(
  chunks: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>,
): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  for await (const chunk of chunks) {
    const text = typeof chunk === 'string' ? chunk : decoder.write(Buffer.from(chunk))
    const lines = text.split('\n')
    const last = lines.pop() ?? ''
    for (const line of lines) {
      yield withoutReturn(rest + line)
      rest = ''
    }
    if (rest.length < LONGEST) rest = (rest + last).slice(0, LONGEST)
  }
  rest += decoder.end()
  if (rest !== '') yield withoutReturn(rest)
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line
}
