/** What is used of a started `PgBoss` of pg-boss 12. */
export interface BossLike {
  createQueue(name: string, options: QueueSettings): Promise<void>
  send(name: string, data: object, options: { readonly singletonKey: string }): Promise<string | null>
  work(name: string, options: WorkSettings, handler: (jobs: BossJob[]) => Promise<JobOutcome[]>): Promise<string>
  offWork(name: string, options: { readonly id: string; readonly wait: boolean }): Promise<void>
  findJobs(name: string, options: { readonly limit: number }): Promise<readonly FoundJob[]>
}

interface QueueSettings {
  readonly policy: 'exclusive'
  readonly retryLimit: number
  readonly retryDelay: number
  readonly retryBackoff: true
  readonly retryDelayMax: number
  readonly expireInSeconds: number
  readonly heartbeatSeconds: number
}

interface WorkSettings {
  readonly batchSize: 1
  readonly perJobResults: true
  readonly localConcurrency: number
  readonly pollingIntervalSeconds: number
}

export interface BossJob {
  readonly id: string
  readonly data: unknown
  /** Aborted when the job is not this worker's any more. */
  readonly signal: AbortSignal
}

/** `failed` is tried again, `deadletter` is not. */
export interface JobOutcome {
  id: string
  status: 'completed' | 'failed' | 'deadletter'
  output?: { readonly reason: string }
}

export type JobState = 'created' | 'retry' | 'active' | 'completed' | 'cancelled' | 'failed'

interface FoundJob {
  readonly data: unknown
  readonly state: JobState
}
