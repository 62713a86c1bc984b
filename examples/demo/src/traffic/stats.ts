/** Something that a user noticed and should not have. */
export interface UserError {
  readonly at: number
  readonly what: string
  readonly status: number
  readonly detail: string
}

export interface WriteTime {
  /** Milliseconds since 1970 when the answer came. */
  readonly answered: number
  readonly ms: number
}

export interface TrafficCounts {
  readonly requests: number
  readonly acknowledged: number
  readonly errors: number
  readonly logins: number
  readonly upgraded: number
  readonly refusedLogins: number
}

/** What the generator reports at the end. */
export interface TrafficSummary extends TrafficCounts {
  readonly reads: number
  readonly unknown: number
  /** Reads of a key by the user who had just written it that did not show it. */
  readonly staleReads: number
  readonly firstErrors: readonly UserError[]
  readonly writes: readonly WriteTime[]
}

const KEPT_ERRORS = 20

export class Stats {
  requests = 0
  reads = 0
  errors = 0
  logins = 0
  upgraded = 0
  refusedLogins = 0
  unknown = 0
  staleReads = 0
  readonly firstErrors: UserError[] = []
  readonly writes: WriteTime[] = []

  error(what: string, status: number, detail: string): void {
    this.errors++
    console.error(new Date().toISOString(), what, status, detail)
    if (this.firstErrors.length < KEPT_ERRORS) this.firstErrors.push({ at: Date.now(), what, status, detail })
  }

  counts(acknowledged: number): TrafficCounts {
    const { requests, errors, logins, upgraded, refusedLogins } = this
    return { requests, acknowledged, errors, logins, upgraded, refusedLogins }
  }

  summary(acknowledged: number): TrafficSummary {
    const { reads, unknown, staleReads, firstErrors, writes } = this
    return { ...this.counts(acknowledged), reads, unknown, staleReads, firstErrors, writes }
  }
}
