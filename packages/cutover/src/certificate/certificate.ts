import type { Phase, SideName } from '@twinspan/core'

export const CERTIFICATE_FORMAT = 'twinspan-certificate/1'

/** What is signed: that at one moment nothing was left to copy, and what the last full comparison of each entity found. */
export type CertificateClaims = {
  readonly format: typeof CERTIFICATE_FORMAT
  readonly migration: string
  readonly incarnation: string
  readonly epoch: number
  readonly phase: Phase
  readonly primary: SideName
  /** When the journal was seen empty: milliseconds since 1970, by the clock of the primary's database. */
  readonly at: number
  /** Dirty keys in the primary's journal, calls in flight included. */
  readonly journal: 0
  /** Keys that the mirror gave up on. */
  readonly parked: 0
  /** Uncaptured writes that no clean full sweep has covered since. */
  readonly gaps: 0
  readonly entities: readonly CertifiedEntity[]
  readonly gates: readonly { readonly name: string; readonly ok: boolean; readonly detail: string }[]
  readonly versions: {
    readonly node: string
    readonly legacy: string
    readonly target: string
  }
}

/** The last full sweep of an entity: every row of both sides was compared, and none differed. */
export type CertifiedEntity = {
  readonly entity: string
  readonly rows: number
  readonly startedAt: number
  readonly finishedAt: number
  readonly epoch: number
  readonly parity: number
  readonly lowerBound95: number
  /** SHA-256 over the digests of all leaves that both sides gave alike; `null` where the rows themselves were compared. */
  readonly digest: string | null
}

export type Certificate = CertificateClaims & {
  readonly signature: {
    readonly algorithm: 'ed25519'
    /** SHA-256 of the public key (SPKI, DER), in hexadecimal: says which key to verify with, and proves nothing by itself. */
    readonly key: string
    /** Over the canonical JSON of everything but `signature`; base64. */
    readonly value: string
  }
}
