export type { ChangeOptions } from './change.ts'
export type { Decision, DecisionReason } from './decision.ts'
export type { KillOptions, ListOptions, Router, RouterOptions, RouterStatus } from './router.ts'
export { createRouter } from './router.ts'
