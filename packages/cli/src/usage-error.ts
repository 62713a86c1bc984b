/** Somebody asked for what cannot be asked: exit status 2. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError'
  /** What to do instead. */
  readonly hint: string | undefined

  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super(message, options)
    this.hint = hint
  }
}
