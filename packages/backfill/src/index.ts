export { backfill } from './backfill.ts'
export type { BackfillOptions } from './options.ts'
export type { BackfillProgress, ThrottleReason } from './progress.ts'
