export {
  ANSWER,
  type Answer,
  answerTo,
  answerToError,
  complain,
  emailIn,
  type Failure,
  isLongEnough,
  nameIn,
} from './answers.ts'
export { configFrom } from './config.ts'
export { openService, type Parts, type Service } from './service.ts'
export { SESSION_MS, type Sessions, type SessionUser } from './sessions.ts'
export { drain, onSignal } from './shutdown.ts'
export { watchOptions } from './watch.ts'
