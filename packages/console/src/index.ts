export {
  type CollectOptions,
  type ConsoleStatus,
  collectStatus,
  type FenceStatus,
  type FindingStatus,
  type Position,
  type SideStatus,
} from './collect-status.ts'
export { consoleHandler, type HandlerOptions } from './console-handler.ts'
export type { BackfillStatus, EntityStatus, SweepStatus } from './entity-status.ts'
export type { FindingGroup } from './findings.ts'
export type { By, ConsoleActions, ConsoleOptions, Visitor } from './options.ts'
export type { Part } from './part.ts'
export type { PlanLike } from './plan.ts'
export {
  createRecorder,
  type GuardEvidence,
  type Logins,
  type Observed,
  type Recorder,
  type SideSeries,
} from './recorder.ts'
export type { Counted, RolloutStatus, Trials } from './rollout-status.ts'
