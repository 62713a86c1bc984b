export { migrationContract } from './migration-contract.ts'
export { serviceContract } from './service-contract.ts'
export { startContract } from './start-contract.ts'
