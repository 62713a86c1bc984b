import { parentPort } from 'node:worker_threads'
import { ROUND_FUNCTIONS, type RoundFunctions } from './schemes/round-functions.ts'

export interface Job {
  readonly id: number
  readonly name: keyof RoundFunctions
  readonly password: Uint8Array
  readonly rest: readonly unknown[]
}

export interface Answer {
  readonly id: number
  /** Absent when the function threw. */
  readonly made: string | undefined
}

// The other end of round-pool.ts.
parentPort?.on('message', ({ id, name, password, rest }: Job) => {
  const run = ROUND_FUNCTIONS[name] as (password: Buffer, ...rest: readonly unknown[]) => Promise<string>
  const answer = (made: string | undefined): void => parentPort?.postMessage({ id, made } satisfies Answer)
  run(Buffer.from(password.buffer, password.byteOffset, password.byteLength), ...rest).then(answer, () =>
    answer(undefined),
  )
})
