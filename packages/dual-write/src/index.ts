export { type DualWriteOptions, dualWrite } from './dual-write.ts'
export { createMirror, type Mirror, type MirrorOptions } from './mirror.ts'
export {
  type LocalOperation,
  local,
  type MethodName,
  type Operations,
  type ReadOperation,
  type ReadOptions,
  type RehearsalOptions,
  read,
  type WriteOperation,
  type WriteOptions,
  write,
} from './operation.ts'
export type { RepositorySource } from './repository.ts'
export type { Decider } from './router.ts'
export { createShadowReport, type ShadowReport, type ShadowRow } from './shadow-report.ts'
