/** What a command has of the process that it runs in. */
export interface Host {
  readonly stdout: Stream
  readonly stderr: Stream
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal
}

export type Stream = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number }
