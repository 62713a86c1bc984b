export { type KyselySide, kyselySide } from './side.ts'
export { kyselyStateStore } from './state-store.ts'
export type { InputRow, KeyOption, OutputRow, TableStore } from './table.ts'
export { captureSql, freezeSql } from './trigger-sql.ts'
