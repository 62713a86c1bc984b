export type { ArchiveOptions, ArchiveReport } from './archive/archive.ts'
export type { Comparison } from './archive/compare.ts'
export { decodeExact, decodeRow, encodeRow } from './archive/encoding.ts'
export type { ExactTexts } from './archive/exact.ts'
export type { ArchivedColumn, ArchivedEntity, Compression, Manifest } from './archive/manifest.ts'
export { type VerifiedEntity, type VerifyOptions, type VerifyReport, verifyArchive } from './archive/verify.ts'
export type { Certificate, CertificateClaims, CertifiedEntity } from './certificate/certificate.ts'
export type { CertificateOptions } from './certificate/certify.ts'
export { type CertificateReport, type KeyLike, verifyCertificate } from './certificate/sign.ts'
export { type AdvanceRequest, type Cutover, createCutover, type RollbackRequest } from './cutover.ts'
export type { CutoverResult } from './drive.ts'
export {
  type Aftermath,
  ArchiveError,
  CertificateRefusedError,
  CutoverAbortedError,
  CutoverBlockedError,
} from './errors.ts'
export type { Freezing } from './freeze.ts'
export type { CustomGate, GateResult, GateVerdict } from './gate.ts'
export type { MoveName } from './moves.ts'
export type { CutoverOptions } from './options.ts'
export type { CutoverPlan, PlanOptions } from './plan.ts'
export type { StepReport } from './steps.ts'
