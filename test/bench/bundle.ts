import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/**
 * A program of the benches as one file of JavaScript that takes the built packages, as an application does: what strips types
 * from TypeScript would take more memory than what is measured. @returns its path
 */
export async function bundle(entry: string): Promise<string> {
  const outDir = join(ROOT, 'node_modules', '.cache', 'twinspan-bench')
  await build({
    root: ROOT,
    configFile: false,
    logLevel: 'warn',
    ssr: { external: true },
    build: { ssr: entry, outDir, emptyOutDir: false, rolldownOptions: { output: { entryFileNames: '[name].mjs' } } },
  })
  return join(outDir, `${entry.split('/').at(-1)?.replace(/\.ts$/, '')}.mjs`)
}
