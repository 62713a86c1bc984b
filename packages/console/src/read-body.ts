import type { IncomingMessage } from 'node:http'

const LARGEST_BYTES = 16_384

/** The JSON object that was sent, whether or not a body parser was there before us; `undefined` when it is none. */
export async function readBody(
  request: IncomingMessage,
  parsed: unknown,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) return undefined
  if (parsed !== undefined && parsed !== null) return objectIn(parsed)
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    if (bytes > LARGEST_BYTES) return undefined
    chunks.push(chunk)
  }
  try {
    return objectIn(JSON.parse(Buffer.concat(chunks).toString('utf8')))
  } catch {
    return undefined
  }
}

function objectIn(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined
}
