export { type KyselyCredentials, type KyselyCredentialsOptions, kyselyCredentials } from './credentials.ts'
export { type ClientLike, type PoolLike, surviveLostConnections } from './lost-connections.ts'
export type { KeyOption, PartOptions } from './parts.ts'
export { type KyselySide, kyselySide } from './side.ts'
export type { FollowOptions, ListenClient } from './state/follow.ts'
export { kyselyStateStore } from './state-store.ts'
export type {
  AggregateStore,
  InputRecord,
  InputRow,
  OutputRecord,
  OutputRow,
  PartsOption,
  TableStore,
} from './table.ts'
export { captureSql, freezeSql } from './trigger-sql.ts'
export type { WatchedTable } from './watching.ts'
