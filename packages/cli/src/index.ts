export { type Config, type ConfigSource, defineConfig } from './config.ts'
export { EXIT_STATUS, type Outcome } from './exit-status.ts'
