import { readdirSync } from 'node:fs'
import { defineConfig } from 'vitest/config'

const conditions = ['twinspan-src', 'node', 'module', 'default']
const packages = readdirSync('packages')

function project(name: string, root: string, include = ['test/**/*.test.ts'], types = ['test/**/*.test-d.ts']) {
  const tests = root === 'test' || root.startsWith('examples/') ? root : `${root}/test`
  return {
    extends: true as const,
    test: {
      name,
      root,
      include,
      typecheck: {
        enabled: true,
        include: types,
        tsconfig: `${import.meta.dirname}/${tests}/tsconfig.json`,
        // `npm run check` compiles everything; here only the type tests speak.
        ignoreSourceErrors: true,
      },
    },
  }
}

export default defineConfig({
  // Tests run on src: no build comes first.
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ['twinspan-src'] } },
  test: {
    // One more than the cores of the smallest machine: much of the time goes into waiting for databases and processes.
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      ...packages.map((name) => project(name, `packages/${name}`)),
      project('demo', 'examples/demo'),
      project('express', 'examples/express'),
      project('fastify', 'examples/fastify'),
      project('example-pg-boss', 'examples/pg-boss'),
      project('telemetry', 'examples/telemetry'),
      project('test', 'test', ['**/*.test.ts'], ['**/*.test-d.ts']),
    ],
  },
})
