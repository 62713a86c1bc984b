export type { BossLike } from './boss-like.ts'
export { type BossJobs, createBossJobs } from './create-boss-jobs.ts'
export type { BossJobsOptions, BossWorkOptions, EnqueueOptions, Share, SweepShare } from './options.ts'
export type { BossProgress } from './progress.ts'
