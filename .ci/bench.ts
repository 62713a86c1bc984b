// What `npm run bench` runs: the packages as they are published, not their sources.
import { spawnSync } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
if (readdirSync(join(root, 'packages')).some(isStale)) build()
await import('../test/bench/run.ts')

function isStale(name: string): boolean {
  const folder = join(root, 'packages', name)
  return newest(join(folder, 'src')) > newest(join(folder, 'dist'))
}

/** When the youngest file of a folder was written; 0 when there is none. */
function newest(folder: string): number {
  const entries = statSync(folder, { throwIfNoEntry: false })
    ? readdirSync(folder, { withFileTypes: true, recursive: true })
    : []
  const files = entries
    .filter((entry) => entry.isFile())
    .map((file) => statSync(join(file.parentPath, file.name)).mtimeMs)
  return Math.max(0, ...files)
}

function build(): void {
  process.stderr.write('Building the packages ...\n')
  const tsdown = join(root, 'node_modules', 'tsdown', 'dist', 'run.mjs')
  const { status, stdout, stderr } = spawnSync(process.execPath, [tsdown, '--config', '.ci/build.ts'], {
    cwd: root,
    encoding: 'utf8',
  })
  if (status === 0) return
  process.stderr.write(`${stdout}${stderr}`)
  process.exit(1)
}
