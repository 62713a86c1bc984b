export type {
  Bridge,
  BridgeRecord,
  BridgeState,
  Credential,
  CredentialLookup,
  CredentialStore,
  ExpectedHash,
  LegacyCredentials,
  NewCredential,
  NextHash,
  TargetCredentials,
} from '@twinspan/core'
export { type Admission, type AdmissionOptions, type Admitted, createAdmission } from './admission.ts'
export { type CalibrateOptions, type Calibration, calibrate } from './calibrate.ts'
export type { EqualiserOptions } from './equaliser.ts'
export type { Candidates } from './forms.ts'
export { type Identified, identify } from './identify.ts'
export {
  type Advice,
  type DumpReport,
  type InspectDumpOptions,
  inspectDump,
  type RefusedRows,
  type SchemeReport,
  type Suggestion,
} from './inspect-dump.ts'
export { DEFAULT_LIMITS, type Limits } from './limits.ts'
export type { AuthTelemetry, BridgeOptions, ShadowAuthOptions } from './options.ts'
export { type Remaining, remaining } from './remaining.ts'
export { needsUpgrade } from './schemes/argon2.ts'
export type { CostParams, HashParams, PasswordHasher, Reading, Refusal, Scheme } from './schemes/index.ts'
export { type Argon2Policy, argon2d, argon2i, argon2id, bcrypt, phpass } from './schemes/index.ts'
export { type CallOptions, createShadowAuth, type ShadowAuth } from './shadow-auth.ts'
export {
  type TimingAudit,
  type TimingAuditOptions,
  type TimingClass,
  type TimingPair,
  timingAudit,
} from './timing-audit.ts'
export type { ChangeVerdict, Refused, ResetCandidate, Verdict } from './verdict.ts'
export { type Verification, type VerifyOptions, verifyPassword } from './verify-password.ts'
export type { WalkOptions } from './walk.ts'
export { type WrapOptions, type WrapProgress, wrapInactive } from './wrap-inactive.ts'
