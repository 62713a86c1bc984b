// What a wrapper costs where the store costs nothing.
import { setTimeout as sleep } from 'node:timers/promises'
import {
  createMigration,
  defineEntity,
  type EntityStore,
  type Migration,
  PHASES,
  type Phase,
  PLANS,
} from '@twinspan/core'
import { createMemoryDatabase, memorySide } from '@twinspan/core/testing'
import { dualWrite, read, write } from '@twinspan/dual-write'
import type { Measurement } from '../bench.ts'
import { type Accounts, noopAccounts } from './accounts.ts'
import { allSettled, launchdarkly, scientist } from './peers.ts'
import { interleaved, quantile } from './statistics.ts'

/** Short rounds and many of them: some fall between the turns that the machine gives to others. */
const ROUND_NS = 4e6
const ROUNDS = 61
/** Which of a subject's rounds counts: the one that a quarter of them undercut. */
const SHARE = 0.25
const WARM_UP_NS = 200e6

interface Subject {
  readonly name: string
  readonly call: (id: number) => Promise<unknown>
}

/** Nanoseconds per call of every wrapper, and what they are to the bare call. */
export async function measureNoop(): Promise<ReadonlyMap<string, readonly Measurement[]>> {
  const bare = noopAccounts()
  for (const [name, wrap] of Object.entries(PEERS)) await provesItself(name, wrap)
  const peer = await launchdarkly(bare, noopAccounts())
  const migrations = await Promise.all(PHASES.map(startedIn))
  const subjects = [
    ...writes('noop.bare', bare),
    ...writes('noop.allSettled', allSettled(bare, noopAccounts())),
    ...writes('noop.scientist', scientist(bare, noopAccounts())),
    ...writes('noop.launchdarkly', peer.accounts),
    ...migrations.flatMap(({ phase, accounts }) => writes(`noop.ours.${phase}`, accounts)),
    { name: 'noop.bare.read', call: (id: number) => bare.find(id) },
    { name: 'noop.launchdarkly.read', call: (id: number) => peer.accounts.find(id) },
    ...migrations.map(({ phase, accounts }) => ({
      name: `noop.ours.read.${phase}`,
      call: (id: number) => accounts.find(id),
    })),
  ]
  const calls = new Map<Subject, number>()
  for (const subject of subjects) {
    // By time: the compiler works beside, and takes longer where the machine is busy.
    const first = await nanoseconds(subject, 1_000)
    const warm = await nanoseconds(subject, Math.ceil(WARM_UP_NS / first))
    calls.set(subject, Math.ceil(ROUND_NS / warm))
  }
  const took = await interleaved(subjects, ROUNDS, (subject) => nanoseconds(subject, calls.get(subject) ?? 1))
  const latency = new Map(subjects.map((subject) => [subject.name, quantile(took.get(subject) ?? [], SHARE)]))
  for (const { migration } of migrations) await migration.stop()
  peer.close()

  const of = (name: string): number => latency.get(name) ?? Number.NaN
  const results = new Map<string, Measurement[]>(
    subjects.map(({ name }) => [name, [{ metric: 'latency', value: of(name), unit: 'ns' }]]),
  )
  for (const { name } of subjects) {
    const isRead = name.includes('read')
    results.get(name)?.push({
      metric: 'over_bare',
      value: of(name) - of(isRead ? 'noop.bare.read' : 'noop.bare'),
      unit: 'ns',
    })
    if (!name.startsWith('noop.ours') || isRead) continue
    results.get(name)?.push({ metric: 'launchdarkly_ratio', value: of('noop.launchdarkly') / of(name), unit: 'x' })
  }
  return results
}

type Wrap = (legacy: Accounts, target: Accounts) => Accounts | Promise<{ readonly accounts: Accounts; close(): void }>

const PEERS: Readonly<Record<string, Wrap>> = { allSettled, scientist, launchdarkly }

/** A peer that is called in a wrong way is fast, and compares with nothing. */
async function provesItself(name: string, wrap: Wrap): Promise<void> {
  const seen: string[] = []
  const recording = (side: string): Accounts => ({ ...noopAccounts(), save: async () => void seen.push(side) })
  const made = await wrap(recording('legacy'), recording('target'))
  const accounts = 'accounts' in made ? made.accounts : made
  await accounts.save(1, 1)
  // Some peers do not wait for the second write.
  await sleep(10)
  if ('close' in made) made.close()
  if (seen.toSorted().join() !== 'legacy,target') throw new Error(`${name} wrote to ${seen.join() || 'nobody'}`)
}

function writes(name: string, accounts: Accounts): readonly Subject[] {
  return [{ name, call: (id) => accounts.save(id, id) }]
}

async function nanoseconds({ call }: Subject, calls: number): Promise<number> {
  const began = process.hrtime.bigint()
  for (let id = 0; id < calls; id++) await call(id)
  const took = Number(process.hrtime.bigint() - began) / calls
  // Some peers go on after they answered; that is not the next one's time.
  await sleep(2)
  return took
}

async function startedIn(
  phase: Phase,
): Promise<{ readonly phase: Phase; readonly migration: Migration; readonly accounts: Accounts }> {
  const [legacy, target] = [memorySide(createMemoryDatabase()), memorySide(createMemoryDatabase())]
  const table = (side: typeof legacy): EntityStore<{ id: number }> => side.table('accounts', { key: 'id' })
  const entity = defineEntity({
    name: 'accounts',
    legacy: table(legacy),
    target: table(target),
    toTarget: (row) => row,
    toLegacy: (row) => row,
  })
  const migration = createMigration({ name: 'bench', legacy, target, entities: [entity] })
  await migration.start()
  // The road there is not what is measured.
  for (const side of ['legacy', 'target'] as const) {
    const { fence } = migration.sides[side]
    const found = await fence.read()
    if (found === undefined) throw new Error('no fence')
    await fence.change(found.row.revision, { ...found.row, epoch: 9, phase, primary: PLANS[phase].primary })
  }
  const { phase: reached } = await migration.refresh()
  if (reached !== phase) throw new Error(`The migration is in ${reached}, not in ${phase}.`)
  // As a mirror in this process would listen.
  migration.events.on('dirty', () => {})
  const accounts = dualWrite<Accounts>(migration, entity, {
    legacy: noopAccounts(),
    target: noopAccounts(),
    operations: { save: write({ key: (id) => id }), find: read({ unit: String, key: (id) => id }) },
    router: { decide: () => ({ side: 'legacy' }) },
  })
  return { phase, migration, accounts }
}
