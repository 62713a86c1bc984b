/**
 * The arguments of a call for a repetition that nobody waits for: without the request's `AbortSignal`, which fires when the
 * request is over. Looked for among the arguments and among the properties of plain objects.
 */
export function detachedArgs(args: readonly unknown[]): readonly unknown[] {
  return args.map((arg) => {
    if (arg instanceof AbortSignal) return undefined
    if (!isPlain(arg)) return arg
    const entries = Object.entries(arg)
    return entries.some(([, value]) => value instanceof AbortSignal)
      ? Object.fromEntries(entries.filter(([, value]) => !(value instanceof AbortSignal)))
      : arg
  })
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
