export { type CredentialsFixture, credentialStoreContract } from './contracts/credentials.ts'
export { entityStoreContract } from './contracts/entity-store.ts'
export { intentsContract } from './contracts/intents.ts'
export { type ContractRow, type SideFixture, sideContract } from './contracts/side.ts'
export { type StateStoreFixture, stateStoreContract } from './contracts/state-store.ts'
export {
  type MemoryAccount,
  type MemoryCredentials,
  type MemoryCredentialsOptions,
  memoryCredentials,
} from './memory/credentials.ts'
export { compareKeys, createMemoryDatabase, type MemoryDatabase, type MemoryRow } from './memory/database.ts'
export { type MemorySide, type MemorySideOptions, memorySide } from './memory/side.ts'
export { memoryStateStore } from './memory/state-store.ts'
export type { MemoryTable, MemoryTableOptions } from './memory/table.ts'
export { MemoryUniqueError, type Step } from './memory/transaction.ts'
export { mirrorOnce } from './mirror-once.ts'
export { walkTo } from './walk.ts'
