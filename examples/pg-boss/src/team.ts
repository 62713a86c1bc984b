import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { WorkerInput, WorkerMessage } from './worker.ts'

/** What one worker has done, as it told. */
export interface Worker {
  readonly number: number
  readonly copied: number
  readonly swept: number
  /** What it is at. */
  readonly at: string
  readonly killed: boolean
}

export interface Team {
  readonly workers: readonly Worker[]
  /** With SIGKILL: nothing of it gets a chance to tidy up. */
  kill(number: number): Promise<void>
  stop(): Promise<void>
}

interface Member extends Worker {
  copied: number
  swept: number
  at: string
  killed: boolean
  readonly child: ChildProcess
}

export function startTeam(size: number, input: WorkerInput): Team {
  const members = Array.from({ length: size }, (_, number): Member => {
    const child = fork(new URL('./worker.ts', import.meta.url), [JSON.stringify(input)], {
      execArgv: ['--conditions=twinspan-src'],
    })
    const member: Member = { number: number + 1, copied: 0, swept: 0, at: 'starting', killed: false, child }
    child.on('message', (message: WorkerMessage) => {
      if (message.type === 'copied') member.copied += message.rows
      else member.swept += message.rows
      member.at =
        message.shard === null ? 'waits' : `${message.type === 'copied' ? 'copies' : 'sweeps'} ${message.shard}`
    })
    return member
  })
  const gone = async ({ child }: Member): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  return {
    workers: members,
    async kill(number) {
      const member = members[number - 1]
      if (member === undefined) return
      Object.assign(member, { killed: true, at: 'killed' })
      member.child.kill('SIGKILL')
      await gone(member)
    },
    async stop() {
      for (const { child } of members) if (child.connected) child.disconnect()
      await Promise.all(members.map(gone))
    },
  }
}
