import { dirname } from 'node:path'
import { defineConfig, type UserConfig } from 'tsdown'

const config: UserConfig = defineConfig({
  cwd: dirname(import.meta.dirname),
  // Without an `exclude` of its own, tsdown passes over a checkout that lies in a folder called tmp.
  workspace: { include: 'packages/*', exclude: ['**/node_modules/**'] },
})
export default config
