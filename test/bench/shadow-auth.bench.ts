// npm run bench -- shadow-auth [--rounds=200] [--samples=800]
// What an upgrading login costs above its two hashes, what a hostile hash costs, what logins do to everybody's files, and
// what the time of a refusal tells.
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { memoryCredentials } from '@twinspan/core/testing'
import { kyselyCredentials } from '@twinspan/kysely'
import {
  argon2id,
  bcrypt,
  createAdmission,
  createShadowAuth,
  type ShadowAuthOptions,
  type TimingAudit,
  timingAudit,
  verifyPassword,
} from '@twinspan/shadow-auth'
import { allSchemes, ldapSsha, md5Crypt } from '@twinspan/shadow-auth/schemes'
import { type Kysely, sql } from 'kysely'
import { sqlite } from '../support/sqlite.ts'
import type { BenchContext, Cases, Measurement } from './bench.ts'

const PASSWORD = 'U*U'
const HASH = '$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'
const BOMBS = [
  '$argon2id$v=19$m=4194304,t=4,p=1$c29tZXNhbHRzb21lc2FsdA$IMit9qkFULCMA/ViizL57cnTLOa5DiVM9eMwpAvPwr4',
  '$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',
  `$6$rounds=999999999$saltstring$${'a'.repeat(86)}`,
]
const LOGINS = 64
const WARM_UP = 5

const hasher = argon2id()

async function floor(): Promise<void> {
  await verifyPassword(PASSWORD, HASH, [bcrypt()])
  await hasher.hash(Buffer.from(PASSWORD))
}

/** Both in turns, and each first in turns, so that whatever else the machine does falls on both. */
async function upgrades({ args }: BenchContext): Promise<{ readonly floor: number[]; readonly ours: number[] }> {
  const rounds = numberIn(args, 'rounds', 200) + WARM_UP
  const accounts = Array.from({ length: rounds }, (_, uid) => ({ uid, login: `user ${uid}`, hash: HASH }))
  const auth = createShadowAuth({
    legacy: memoryCredentials({ accounts }),
    target: memoryCredentials(),
    hash: hasher,
    accepts: [bcrypt()],
  })
  const ours = async (round: number): Promise<void> => {
    const verdict = await auth.verifyAndUpgrade(`user ${round}`, PASSWORD)
    if (!verdict.ok || !verdict.upgraded) throw new Error('The login was not upgraded.')
  }
  const took = { floor: [] as number[], ours: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    for (const which of round % 2 === 0 ? (['floor', 'ours'] as const) : (['ours', 'floor'] as const)) {
      const one = await timed(() => (which === 'floor' ? floor() : ours(round)))
      if (round >= WARM_UP) took[which].push(one)
    }
  }
  return took
}

interface Starved {
  readonly reads: number[]
  readonly rates: number[]
}

/** How long the reader pauses between two reads: otherwise the moments in which all is quiet would fill the sample. */
const PAUSE_MS = 5

/**
 * 64 logins are in flight, and for each that ends another begins, while somebody reads a file. With the gate and without
 * it in turns.
 */
async function starvation(): Promise<{ readonly gated: Starved; readonly ungated: Starved }> {
  const hash = await hasher.hash(Buffer.from(PASSWORD))
  const accounts = Array.from({ length: LOGINS }, (_, uid) => ({ uid, login: `user ${uid}`, hash }))
  const options = { target: memoryCredentials({ accounts }), hash: hasher, accepts: [] }
  const auth = {
    gated: createShadowAuth({ ...options, admission: createAdmission({ waitMs: 60_000 }) }),
    ungated: createShadowAuth({ ...options, admission: createAdmission({ permits: LOGINS }) }),
  }
  const result: Readonly<Record<keyof typeof auth, Starved>> = {
    gated: { reads: [], rates: [] },
    ungated: { reads: [], rates: [] },
  }
  for (const mode of ['gated', 'ungated', 'ungated', 'gated'] as const) {
    const started = performance.now()
    let left = 2 * LOGINS
    const logins = accounts.map(async ({ login }) => {
      while (left > 0) {
        left--
        const verdict = await auth[mode].verifyAndUpgrade(login, PASSWORD)
        if (!verdict.ok) throw new Error('A login was refused.')
      }
    })
    while (left > 0) {
      result[mode].reads.push(await timed(() => readFile(new URL(import.meta.url))))
      await sleep(PAUSE_MS)
    }
    await Promise.all(logins)
    result[mode].rates.push((2 * LOGINS) / ((performance.now() - started) / 1_000))
  }
  return result
}

interface AuditDB {
  readonly members: {
    readonly id: number
    readonly mail: string
    readonly hash: string | null
    readonly banned: number
  }
}

const MEMBERS: AuditDB['members'][] = [
  { id: 1, mail: 'legacy-bcrypt', hash: HASH, banned: 0 },
  { id: 2, mail: 'legacy-md5', hash: '$1$28772684$iEwNOgGugqO9.bIz5sk8k/', banned: 0 },
  { id: 3, mail: 'legacy-ssha', hash: '{SSHA}pKqkNr1tq3wtQqk+UcPyA3HnA2NsU5NJ', banned: 0 },
  { id: 4, mail: 'locked', hash: HASH, banned: 1 },
  { id: 5, mail: 'migrated', hash: HASH, banned: 0 },
  { id: 6, mail: 'closed', hash: HASH, banned: 0 },
]

/** Every class of refusals, on two real databases. The hashes are cheap: what is looked for is what they do not hide. */
async function audit(equalise: ShadowAuthOptions['equalise'], { args, note }: BenchContext): Promise<TimingAudit> {
  const [legacy, target] = [await sqlite.open<AuditDB>(), await sqlite.open<AuditDB>()]
  try {
    for (const { db } of [legacy, target]) {
      await sql`create table members (id integer primary key, mail text unique, hash text, banned integer default 0)`.execute(
        db,
      )
    }
    await legacy.db.insertInto('members').values(MEMBERS).execute()
    const store = (db: Kysely<AuditDB>) =>
      kyselyCredentials(db, { table: 'members', uid: 'id', login: 'mail', hash: 'hash', locked: 'banned' })
    const auth = createShadowAuth({
      legacy: store(legacy.db),
      target: store(target.db),
      hash: argon2id({ m: 1_024, t: 2 }),
      accepts: [bcrypt(), md5Crypt(), ldapSsha()],
      ...(equalise === undefined ? {} : { equalise }),
    })
    await auth.verifyAndUpgrade('migrated', PASSWORD)
    await auth.resetPassword(6, 'another')
    const failing = (name: string, login: unknown, password: unknown) => ({
      name,
      run: async () => {
        const verdict = await auth.verifyAndUpgrade(login, password)
        if (verdict.ok || !['invalid', 'locked'].includes(verdict.reason)) throw new Error(`${name} was not refused.`)
      },
    })
    const result = await timingAudit(
      [
        failing('unknown', 'nobody', 'wrong'),
        ...['legacy-bcrypt', 'legacy-md5', 'legacy-ssha', 'migrated', 'closed'].map((login) =>
          failing(login, login, 'wrong'),
        ),
        failing('locked', 'locked', PASSWORD),
        failing('oversize', 'legacy-bcrypt', 'x'.repeat(10_000)),
        failing('wrong type', ['legacy-bcrypt'], 'wrong'),
      ],
      { samples: numberIn(args, 'samples', 800), warmUp: 30 },
    )
    for (const { classes, auc } of result.pairs.slice(0, 3)) note(`${classes.join(' / ')}: AUC ${auc.toFixed(3)}`)
    return result
  } finally {
    await legacy.close()
    await target.close()
  }
}

async function audited(
  equalise: ShadowAuthOptions['equalise'],
  context: BenchContext,
): Promise<readonly Measurement[]> {
  const { worst, medianMs } = await audit(equalise, context)
  return [
    { metric: 'auc-distance', value: worst, unit: '' },
    { metric: 'p50', value: median(Object.values(medianMs)), unit: 'ms' },
  ]
}

const measuredOnce = <T>(measure: (context: BenchContext) => Promise<T>): ((context: BenchContext) => Promise<T>) => {
  let measured: Promise<T> | undefined
  return (context) => {
    measured ??= measure(context)
    return measured
  }
}
const upgradesOnce = measuredOnce(upgrades)
const starvationOnce = measuredOnce(starvation)

export const cases: Cases = {
  'upgrade.floor': async (context) => quantiles((await upgradesOnce(context)).floor),
  'upgrade.ours': async (context) => {
    const { floor: bare, ours: full } = await upgradesOnce(context)
    return [
      ...quantiles(full),
      // Of each round, for its two were next to each other.
      { metric: 'overhead', value: median(full.map((one, at) => one - (bare[at] ?? 0))), unit: 'ms' },
      { metric: 'ratio', value: median(full) / median(bare), unit: 'x' },
    ]
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
  'starve.gated': async (context) => {
    const { gated, ungated } = await starvationOnce(context)
    return [...starved(gated), { metric: 'ratio', value: median(gated.rates) / median(ungated.rates), unit: 'x' }]
  },
  'starve.ungated': async (context) => starved((await starvationOnce(context)).ungated),
  'audit.on': (context) => audited(undefined, context),
  'audit.off': (context) => audited(false, context),
}

function starved({ reads, rates }: Starved): readonly Measurement[] {
  return [...quantiles(reads), { metric: 'throughput', value: median(rates), unit: 'ops/s' }]
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

function numberIn(args: readonly string[], name: string, fallback: number): number {
  const given = args.find((arg) => arg.startsWith(`--${name}=`))
  return given === undefined ? fallback : Number(given.slice(name.length + 3))
}
