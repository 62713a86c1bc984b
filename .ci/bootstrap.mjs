// The door to every root script: finds a Node that satisfies `engines`, installs what the lockfile says, then runs.
// Plain JavaScript without dependencies, because it runs before there are any, on any Node from 18 on.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const NODE = '24.21.0'
const PNPM = '12.21.0'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const cache = join(root, 'node_modules', '.cache', 'twinspan')
const windows = process.platform === 'win32'

const TASKS = {
  demo: ['--conditions=twinspan-src', 'examples/demo/src/main.ts'],
  test: ['node_modules/vitest/vitest.mjs', 'run'],
  check: ['.ci/check.ts'],
  bench: ['.ci/bench.ts'],
  chaos: ['--conditions=twinspan-src', 'test/chaos/run.ts'],
}

const [task, ...args] = process.argv.slice(2)
if (task === '--where') {
  // Asked from inside npx: which node is this, and where do the tools beside it live?
  console.log(JSON.stringify({ node: process.execPath, bin: (process.env.PATH ?? '').split(delimiter)[0] }))
  process.exit()
}
if (!Object.hasOwn(TASKS, task ?? '')) {
  console.error(`Unknown task "${task ?? ''}". There is: ${Object.keys(TASKS).join(', ')}.`)
  process.exit(2)
}

const { node, bin } = tools()
install()
run([...TASKS[task], ...args])

/** Understands what our own `engines` says: `^22.18 || >=26.0`. */
function satisfies(version) {
  const [major, minor] = version.split('.').map(Number)
  const ranges = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).engines.node.split('||')
  return ranges.some((range) => {
    const [, operator, fromMajor, fromMinor] = /^\s*(\^|>=)(\d+)\.(\d+)\s*$/.exec(range)
    if (major === Number(fromMajor)) return minor >= Number(fromMinor)
    return operator === '>=' && major > Number(fromMajor)
  })
}

/** The Node to run on and the folder that pnpm is in, remembered so that only the first run has to ask npx. */
function tools() {
  const suits = satisfies(process.versions.node)
  const packages = [...(suits ? [] : [`node@${NODE}`]), `pnpm@${PNPM}`]
  const memo = join(cache, 'tools.json')
  try {
    const known = JSON.parse(readFileSync(memo, 'utf8'))
    const same = known.packages === packages.join(' ') && existsSync(known.bin) && existsSync(known.node)
    if (same && (!suits || known.node === process.execPath)) return known
  } catch {}
  if (!suits) say(`This is Node ${process.version}; taking ${NODE} from the npm registry ...`)
  const found = suits ? { ...npx(packages), node: process.execPath } : npx(packages)
  remember(memo, JSON.stringify({ packages: packages.join(' '), ...found }))
  return found
}

function install() {
  const stamp = join(cache, 'installed')
  const wanted = createHash('sha256')
    .update(`${PNPM} ${process.platform} ${process.arch}\n`)
    .update(readFileSync(join(root, 'pnpm-workspace.yaml')))
    .update(readFileSync(join(root, 'pnpm-lock.yaml')))
    .digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  say('Installing dependencies ...')
  // CI: pnpm asks no questions, such as whether it may replace a node_modules of npm's making.
  const env = { ...environment(), CI: 'true' }
  quietly('pnpm', ['install', '--frozen-lockfile'], env, 'The installation failed')
  remember(stamp, wanted)
}

function npx(packages) {
  const wanted = packages.flatMap((name) => ['-p', name])
  const command = ['-y', ...wanted, '-c', 'node .ci/bootstrap.mjs --where']
  const output = quietly(
    'npx',
    windows ? command.map((part) => (part.includes(' ') ? `"${part}"` : part)) : command,
    process.env,
    `Could not get ${packages.join(' and ')} from the npm registry (installing a Node that satisfies "engines" helps)`,
  )
  return JSON.parse(output.trim().split('\n').at(-1))
}

/** Runs to the end without a word, unless it fails: then everything it said is worth reading. */
function quietly(command, args, env, complaint) {
  const child = spawnSync(command, args, { cwd: root, env, encoding: 'utf8', shell: windows, maxBuffer: 1 << 28 })
  if (child.status === 0) return child.stdout
  process.stderr.write(`${child.stdout ?? ''}${child.stderr ?? ''}`)
  console.error(`${complaint}: ${child.error?.message ?? `${command} ended with ${child.signal ?? child.status}`}.`)
  process.exit(1)
}

/** Children find the same node and pnpm by name. */
function environment() {
  return { ...process.env, PATH: [dirname(node), bin, process.env.PATH ?? ''].join(delimiter) }
}

function run(args) {
  const child = spawn(node, args, { cwd: root, env: environment(), stdio: 'inherit' })
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT']) {
    process.on(signal, () => {
      // A terminal sends Ctrl-C to the child as well; sending it on would make it a second one.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  }
  if (process.env.npm_lifecycle_event) {
    // npm stops the shell it ran us in, and many a shell dies without telling anyone: becoming an orphan is the signal.
    const parent = process.ppid
    setInterval(() => process.ppid === parent || child.kill('SIGTERM'), 500).unref()
  }
  child.on('error', (error) => {
    console.error(error.message)
    process.exitCode = 1
  })
  child.on('exit', (code, signal) => {
    process.exit(code ?? 128 + (constants.signals[signal] ?? 0))
  })
}

function remember(file, text) {
  mkdirSync(cache, { recursive: true })
  writeFileSync(file, text)
}

function say(line) {
  process.stderr.write(`${line}\n`)
}
