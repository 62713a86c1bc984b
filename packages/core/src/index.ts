export { nextRow } from './advance.ts'
export * from './capture-gap.ts'
export * from './capture-modes.ts'
export * from './checks.ts'
export * from './copy-options.ts'
export * from './create-migration.ts'
export * from './credentials.ts'
export {
  type DoctorFinding,
  type Examination,
  phasesThatCapture,
  phasesThatWrite,
  type SideFinding,
  verdictOn,
} from './doctor.ts'
export * from './entity.ts'
export * from './entity-store.ts'
export * from './errors.ts'
export * from './events.ts'
export * from './finding-subject.ts'
export * from './intents.ts'
export * from './key.ts'
export * from './measurements.ts'
export * from './migration.ts'
export * from './opaque-side.ts'
export * from './options.ts'
export * from './outage.ts'
export * from './phases.ts'
export * from './records.ts'
export * from './rollout.ts'
export * from './same-columns.ts'
export * from './scan-keys.ts'
export * from './side.ts'
export * from './state-store.ts'
export * from './telemetry.ts'
export * from './time.ts'
export * from './translate.ts'
export type { UnitOfWork } from './unit-of-work.ts'
