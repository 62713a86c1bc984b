// Compares `accounts` in a process of its own, so that its memory is the comparison's: node worker.ts '<WorkerOrder>'
import { type Finding, reconcile } from '@twinspan/reconcile'
import { accountsMigration } from '../backfill/accounts.ts'
import { connect } from '../connect.ts'
import { statementsAlone } from './statements.ts'
import { streamed } from './streamed.ts'

export interface WorkerOrder {
  /** URLs of the two databases. */
  readonly legacy: string
  readonly target: string
  /** The migration's name. */
  readonly name: string
  /** `rows`: a sweep that reads every row. `tracked`: one that a `resweep` can follow. `streamed`, `statements`: not ours. */
  readonly work: 'sweep' | 'rows' | 'tracked' | 'resweep' | keyof typeof PEERS
}

export interface WorkerReport {
  /** From the start of the comparison to its record. */
  readonly seconds: number
  /** Of this process for it. */
  readonly cpuSeconds: number
  /** The memory that this process had before it. */
  readonly idleMb: number
  readonly findings: readonly Pick<Finding, 'key' | 'reason'>[]
  readonly rows: number
  readonly undecided: number
}

/** They give how many rows they compared, and how many of these, or of their leaves, differ. */
const PEERS = { streamed, statements: statementsAlone }

const order = JSON.parse(process.argv[2] ?? '') as WorkerOrder
const [legacy, target] = [connect(order.legacy), connect(order.target)]
const report = await (isPeer(order.work) ? compareAsPeer(PEERS[order.work]) : compareAsWeDo())
await Promise.all([legacy.destroy(), target.destroy()])
console.log(JSON.stringify(report))

/** What the work that begins now costs this process. */
function clock(): () => Pick<WorkerReport, 'seconds' | 'cpuSeconds' | 'idleMb'> {
  const [begun, cpu, idleMb] = [performance.now(), process.cpuUsage(), process.memoryUsage.rss() / 2 ** 20]
  return () => {
    const { user, system } = process.cpuUsage(cpu)
    return { seconds: (performance.now() - begun) / 1000, cpuSeconds: (user + system) / 1e6, idleMb }
  }
}

function isPeer(work: WorkerOrder['work']): work is keyof typeof PEERS {
  return Object.hasOwn(PEERS, work)
}

async function compareAsPeer(peer: (typeof PEERS)[keyof typeof PEERS]): Promise<WorkerReport> {
  const cost = clock()
  const { rows, differing } = await peer(legacy, target)
  if (differing > 0) throw new Error(`${differing} rows differ`)
  return { ...cost(), findings: [], rows, undecided: 0 }
}

async function compareAsWeDo(): Promise<WorkerReport> {
  const { migration, accounts } = accountsMigration(legacy, target, { name: order.name, translation: 'columns' })
  await migration.start()
  const comparing =
    order.work === 'resweep'
      ? reconcile.resweep(migration, accounts, { reveal: 'keys', maxPrimaryLoad: 1 })
      : reconcile.sweep(migration, accounts, {
          // Nobody else is served here, and a peer regards nobody either.
          maxPrimaryLoad: 1,
          reveal: 'keys',
          digests: order.work !== 'rows',
          trackChanges: order.work === 'tracked',
        })
  const cost = clock()
  const findings: Pick<Finding, 'key' | 'reason'>[] = []
  for (;;) {
    const step = await comparing.next()
    if (step.done !== true) {
      const { key, reason } = step.value
      findings.push({ reason, ...(key === undefined ? {} : { key }) })
      continue
    }
    const costs = cost()
    await migration.stop()
    const rows = 'rows' in step.value ? step.value.rows : step.value.changed + step.value.rotated
    return { ...costs, findings, rows, undecided: step.value.undecided }
  }
}
