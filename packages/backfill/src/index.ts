export { backfill } from './backfill.ts'
export { type BackfillControl, backfillControl, type ControlState } from './control.ts'
export type { BackfillOptions, LiveOptions } from './options.ts'
export type { BackfillProgress, ThrottleInput, ThrottleReason, ThrottleStatus } from './progress.ts'
