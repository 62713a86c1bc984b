// npm run bench -- shadow-auth [--rounds=60]
// What an upgrading login costs above its two hashes, what a hostile hash costs, and what logins do to everybody's files.
import { readFile } from 'node:fs/promises'
import { memoryCredentials } from '@twinspan/core/testing'
import {
  type Admission,
  argon2id,
  bcrypt,
  createAdmission,
  createShadowAuth,
  verifyPassword,
} from '@twinspan/shadow-auth'
import { allSchemes } from '@twinspan/shadow-auth/schemes'
import type { BenchContext, Cases, Measurement } from './bench.ts'

const PASSWORD = 'U*U'
const HASH = '$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'
const BOMBS = [
  '$argon2id$v=19$m=4194304,t=4,p=1$c29tZXNhbHRzb21lc2FsdA$IMit9qkFULCMA/ViizL57cnTLOa5DiVM9eMwpAvPwr4',
  '$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',
  `$6$rounds=999999999$saltstring$${'a'.repeat(86)}`,
]
const LOGINS = 64

const hasher = argon2id()

async function floor(): Promise<void> {
  await verifyPassword(PASSWORD, HASH, [bcrypt()])
  await hasher.hash(Buffer.from(PASSWORD))
}

async function ours(): Promise<void> {
  const legacy = memoryCredentials({ accounts: [{ uid: 1, login: 'ann', hash: HASH }] })
  const auth = createShadowAuth({ legacy, target: memoryCredentials(), hash: hasher, accepts: [bcrypt()] })
  const verdict = await auth.verifyAndUpgrade('ann', PASSWORD)
  if (!verdict.ok || !verdict.upgraded) throw new Error('The login was not upgraded.')
}

/** Both in turns, so that whatever else the machine does falls on both. */
async function upgrades({ args }: BenchContext): Promise<{ readonly floor: number[]; readonly ours: number[] }> {
  const rounds = Number(args.find((arg) => arg.startsWith('--rounds='))?.slice(9) ?? 60)
  const took = { floor: [] as number[], ours: [] as number[] }
  for (let round = 0; round < rounds + 5; round++) {
    const [bare, full] = [await timed(floor), await timed(ours)]
    if (round < 5) continue
    took.floor.push(bare)
    took.ours.push(full)
  }
  return took
}

async function starve(admission: Admission): Promise<readonly Measurement[]> {
  const started = performance.now()
  let left = LOGINS
  const logins = Array.from({ length: LOGINS }, async (_, at) => {
    await admission.run(`login ${at}`, () => hasher.hash(Buffer.from(PASSWORD)))
    left--
  })
  const reads: number[] = []
  while (left > 0) reads.push(await timed(() => readFile(new URL(import.meta.url))))
  await Promise.all(logins)
  const rate = LOGINS / ((performance.now() - started) / 1_000)
  return [...quantiles(reads), { metric: 'throughput', value: rate, unit: 'ops/s' }]
}

let measured: ReturnType<typeof upgrades> | undefined
const once = (context: BenchContext): ReturnType<typeof upgrades> => {
  measured ??= upgrades(context)
  return measured
}

export const cases: Cases = {
  'upgrade.floor': async (context) => quantiles((await once(context)).floor),
  'upgrade.ours': async (context) => {
    const { floor: bare, ours: full } = await once(context)
    return [...quantiles(full), { metric: 'ratio', value: median(full) / median(bare), unit: 'x' }]
  },
  'bomb.ours': async () => {
    const schemes = allSchemes()
    const took: number[] = []
    for (let round = 0; round < 300; round++) {
      const hash = BOMBS[round % BOMBS.length] ?? ''
      const one = await timed(() => verifyPassword(PASSWORD, hash, schemes))
      if (round >= 30) took.push(one)
    }
    return quantiles(took)
  },
  'starve.gated': () => starve(createAdmission()),
  'starve.ungated': () => starve(createAdmission({ permits: LOGINS })),
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

function quantiles(values: readonly number[]): readonly Measurement[] {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
  return [
    { metric: 'p50', value: at(0.5), unit: 'ms' },
    { metric: 'p99', value: at(0.99), unit: 'ms' },
  ]
}

function median(values: readonly number[]): number {
  return quantiles(values)[0]?.value ?? Number.NaN
}
