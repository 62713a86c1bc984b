import { extname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { loadConfig as load } from 'c12'
import type { Config } from './config.ts'
import { UsageError } from './usage-error.ts'

const NAME = 'twinspan.config'

/** Finds `twinspan.config.{ts,mts,js,mjs}` in `cwd`, or reads `file`, and opens what it exports. */
export async function loadConfig(cwd: string, file: string | undefined): Promise<Config> {
  const wanted = file ?? NAME
  const loaded = await load({
    name: 'twinspan',
    cwd,
    configFile: wanted,
    rcFile: false,
    globalRc: false,
    dotenv: false,
    packageJson: false,
    envName: false,
    extend: false,
    giget: false,
    ...(knowsTypes() ? { jiti: native } : {}),
  }).catch((error: unknown) => {
    if (error instanceof UsageError || isOurs(error)) throw error
    // A file of the application's own code: what it says is for the one who wrote it.
    const why = error instanceof Error ? error.message : String(error)
    throw new UsageError(`${wanted} cannot be loaded: ${why}`, undefined, { cause: error })
  })
  if (loaded._configFile === undefined) {
    const where = file === undefined ? `There is no ${NAME}.ts in ${cwd}` : `There is no ${file}`
    throw new UsageError(`${where}.`, 'Write one with twinspan init, or name another with --config.')
  }
  const config = loaded.config as Partial<Config>
  if (typeof config?.migration?.start !== 'function') {
    throw new UsageError(`${wanted} exports no migration.`, 'Export default defineConfig({ migration, ... }).')
  }
  return config as Config
}

/** Whether this Node reads TypeScript by itself; older ones leave it to the loader. */
function knowsTypes(): boolean {
  return process.features.typescript !== undefined && process.features.typescript !== false
}

/** Node's own import, so that the configuration shares its modules, and their classes, with this program. */
const native = {
  async import(file: string): Promise<unknown> {
    const found = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as { default?: unknown }
    if (typeof found.default !== 'object' && typeof found.default !== 'function') {
      throw new UsageError(
        `twinspan.config${extname(file)} has no default export.`,
        'Export default defineConfig({ migration, ... }).',
      )
    }
    return found.default
  },
} as unknown as NonNullable<NonNullable<Parameters<typeof load>[0]>['jiti']>

function isOurs(error: unknown): boolean {
  return String((error as { code?: unknown } | null)?.code).startsWith('TWINSPAN_')
}
