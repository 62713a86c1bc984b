import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { describe, expect, it } from 'vitest'

import { type Package, violations } from './architecture/rules.ts'

const root = join(import.meta.dirname, '..')

const FOLDERS = ['docs', 'examples', 'packages', 'test']
const FILES = [
  'CONTRIBUTING.md',
  'LICENSE',
  'README.md',
  'SECURITY.md',
  'biome.json',
  'compose.yaml',
  'knip.json',
  'package.json',
  'pnpm-lock.yaml',
  'pnpm-workspace.yaml',
  'tsconfig.base.json',
  'tsconfig.json',
  'vitest.config.ts',
]

function readPackage(name: string): Package {
  const folder = join(root, 'packages', name)
  const files = readdirSync(join(folder, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  )
  return {
    manifest: JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')),
    sources: Object.fromEntries(
      files.map((file) => {
        const path = join(folder, 'src', file)
        return [relative(folder, path).split(sep).join('/'), readFileSync(path, 'utf8')]
      }),
    ),
  }
}

describe('the packages', () => {
  it.each(readdirSync(join(root, 'packages')))('%s leans only on what it may', (name) => {
    expect(violations(readPackage(name))).toEqual([])
  })

  it.each(readdirSync(join(root, 'packages')))('%s has a source behind every entry point', (name) => {
    const { manifest } = readPackage(name)
    const entries = Object.values(manifest.exports ?? {}).flatMap((target) =>
      typeof target === 'string' ? [target] : [target['twinspan-src'] ?? 'nothing'],
    )
    expect(entries.filter((entry) => !existsSync(join(root, 'packages', name, entry)))).toEqual([])
  })
})

describe('the dependency rule', () => {
  const router = (source: string, manifest: object = {}, file = 'src/router.ts'): readonly string[] =>
    violations({
      manifest: {
        name: '@twinspan/router',
        dependencies: { '@twinspan/core': '' },
        peerDependencies: { '@opentelemetry/api': '' },
        ...manifest,
      },
      sources: { [file]: source },
    })

  it.each([
    ['a feature', "import { backfill } from '@twinspan/backfill'"],
    ['the type of a feature', "import type { Progress } from '@twinspan/backfill'"],
    ['an adapter', "export { kyselySide } from '@twinspan/kysely'"],
    ['what an adapter adapts', "import type { Kysely } from 'kysely'"],
    ['a module it never declared', "import retry from 'p-retry'"],
    ['a module for its side effect', "import 'dotenv/config'"],
    ['a module on demand', "const argon2 = await import('argon2')"],
    ['the source of a neighbour', "import { phases } from '../../core/src/phases.ts'"],
    ['a name spread over lines', "import {\n  sweep,\n  sample,\n} from '@twinspan/reconcile'"],
  ])('refuses a feature that imports %s', (_, source) => {
    expect(router(source)).toHaveLength(1)
  })

  it.each([
    ['core', "import { keyText } from '@twinspan/core'"],
    ['a part of core', "import { memorySide } from '@twinspan/core/testing'"],
    ['Node', "import { createHash } from 'node:crypto'"],
    ['a neighbour in the package', "import { bucket } from './bucket.ts'"],
    ['telemetry', "import { metrics } from '@opentelemetry/api'"],
    ['nothing, in a doc comment', "/**\n * import { backfill } from '@twinspan/backfill'\n */"],
    ['nothing, in a line comment', "// import { backfill } from '@twinspan/backfill'"],
  ])('lets a feature import %s', (_, source) => {
    expect(router(source)).toEqual([])
  })

  it('refuses a dependency that only package.json names', () => {
    expect(router('', { dependencies: { '@twinspan/core': '', '@twinspan/cutover': '' } })).toEqual([
      '@twinspan/router: package.json depends on @twinspan/cutover',
    ])
  })

  it('refuses code in an index', () => {
    expect(router("export { a } from './a.ts'\nexport const b = 1", {}, 'src/index.ts')).toHaveLength(1)
    expect(router("// In reading order.\nexport { a, type B } from './a.ts'", {}, 'src/index.ts')).toEqual([])
  })

  it('refuses a second file that imports telemetry at run time', () => {
    const source = "import { metrics } from '@opentelemetry/api'"
    const manifest = { name: '@twinspan/router', peerDependencies: { '@opentelemetry/api': '' } }
    const types = "import type { Meter } from '@opentelemetry/api'"
    expect(violations({ manifest, sources: { 'src/a.ts': source, 'src/b.ts': source } })).toHaveLength(1)
    expect(violations({ manifest, sources: { 'src/a.ts': source, 'src/b.ts': types } })).toEqual([])
  })

  it('lets core know the test runner in its testing kit and nowhere else', () => {
    const manifest = { name: '@twinspan/core', peerDependencies: { vitest: '' } }
    const source = "import { it } from 'vitest'"
    expect(violations({ manifest, sources: { 'src/testing/side.ts': source } })).toEqual([])
    expect(violations({ manifest, sources: { 'src/side.ts': source } })).toHaveLength(1)
  })

  it('refuses a package that nobody placed', () => {
    expect(violations({ manifest: { name: '@twinspan/new' }, sources: {} })).toHaveLength(1)
  })
})

describe('the root', () => {
  const visible = readdirSync(root, { withFileTypes: true }).filter(
    ({ name }) => !name.startsWith('.') && !['node_modules', 'coverage'].includes(name),
  )

  it('has no folder but those that were agreed', () => {
    const folders = visible.filter((entry) => entry.isDirectory()).map(({ name }) => name)
    expect(folders.filter((name) => !FOLDERS.includes(name))).toEqual([])
  })

  it('has no file but those that were agreed', () => {
    const files = visible.filter((entry) => !entry.isDirectory()).map(({ name }) => name)
    expect(files.filter((name) => !FILES.includes(name))).toEqual([])
  })
})
