// Everything that can be said about the code without running it. Each step is a fact a user or a reviewer relies on.
import { spawn } from 'node:child_process'
import { performance } from 'node:perf_hooks'

interface Step {
  readonly name: string
  readonly command: readonly string[]
}

const bin = (name: string): string => `node_modules/.bin/${name}${process.platform === 'win32' ? '.cmd' : ''}`

const STEPS: readonly Step[] = [
  { name: 'types: src, tests, examples (tsc)', command: [bin('tsc'), '-b'] },
  { name: 'build and package checks (tsdown, publint, attw)', command: [bin('tsdown'), '--config', '.ci/build.ts'] },
  { name: 'format and lint (biome)', command: [bin('biome'), 'check', '--error-on-warnings', '.'] },
  { name: 'lint with types (oxlint)', command: [bin('oxlint'), '--type-aware', '--deny-warnings'] },
  { name: 'unused files, exports, dependencies (knip)', command: [bin('knip'), '--no-progress'] },
]

let failed = 0
for (const step of STEPS) {
  const begun = performance.now()
  const { code, output } = await run(step.command)
  const seconds = ((performance.now() - begun) / 1000).toFixed(1)
  console.log(`${code === 0 ? 'ok  ' : 'FAIL'} ${step.name} ${seconds} s`)
  if (code !== 0) {
    failed += 1
    console.log(shortened(output))
  }
}
console.log(failed === 0 ? 'check: clean' : `check: ${failed} of ${STEPS.length} steps failed`)
process.exitCode = failed === 0 ? 0 : 1

function run([command = '', ...args]: readonly string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { shell: process.platform === 'win32', env: { ...process.env, NO_COLOR: '1' } })
    let output = ''
    child.stdout.on('data', (chunk) => (output += chunk))
    child.stderr.on('data', (chunk) => (output += chunk))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, output }))
  })
}

/** Tools that fail can print a whole minified file; a terminal wants the beginning. */
function shortened(output: string): string {
  const lines = output.trimEnd().split('\n')
  const kept = lines.slice(0, 150).map((line) => (line.length > 400 ? `${line.slice(0, 400)} ...` : line))
  return [...kept, ...(lines.length > kept.length ? [`... ${lines.length - kept.length} more lines`] : [])].join('\n')
}
