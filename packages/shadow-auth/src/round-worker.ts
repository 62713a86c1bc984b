import { parentPort } from 'node:worker_threads'
import type { Answer, Job } from './round-pool.ts'
import { ROUND_FUNCTIONS } from './schemes/round-functions.ts'

// The other end of round-pool.ts.
parentPort?.on('message', ({ id, name, password, rest }: Job) => {
  const run = ROUND_FUNCTIONS[name] as (password: Buffer, ...rest: readonly unknown[]) => Promise<string>
  const answer = (made: string | undefined): void => parentPort?.postMessage({ id, made } satisfies Answer)
  run(Buffer.from(password.buffer, password.byteOffset, password.byteLength), ...rest).then(answer, () =>
    answer(undefined),
  )
})
