export type { BossLike } from './boss-like.ts'
export { type BossJobs, createBossJobs } from './create-boss-jobs.ts'
export type { BossJobsOptions, BossWorkOptions, EnqueueOptions, Share } from './options.ts'
export type { BossProgress } from './progress.ts'
