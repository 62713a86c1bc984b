import { PLANS } from '@twinspan/core'
import type { Gate } from '../gate.ts'

/** The move begins where the migration stands. */
export const phaseGate: Gate = {
  name: 'phase',
  check({ snapshot, from, to }) {
    if (snapshot.phase === from) return { ok: true, detail: `in ${from}` }
    return {
      ok: false,
      detail: `in ${snapshot.phase}, but ${to} follows ${from}`,
      advice: `Take the migration to ${from} first.`,
    }
  },
}

/** Both databases answer, tell of one epoch, and no other switch is under way. */
export const fencesGate: Gate = {
  name: 'fences',
  async check({ migration, snapshot }) {
    const [legacy, target] = await Promise.all([
      migration.sides.legacy.fence.read(),
      migration.sides.target.fence.read(),
    ])
    const missing = [legacy === undefined && 'legacy', target === undefined && 'target'].filter(
      (side) => side !== false,
    )
    if (legacy === undefined || target === undefined) {
      return {
        ok: false,
        detail: `no fence row in ${missing.join(' and ')}`,
        advice: 'Check that both databases are reachable and prepared.',
      }
    }
    const primary = PLANS[snapshot.phase].primary === 'legacy' ? legacy : target
    const { pending } = primary.row
    if (!primary.row.open) {
      const left =
        pending === null
          ? ''
          : ` to ${pending.to}, undone in ${Math.max(0, pending.deadline - primary.now)} ms unless it ends before`
      return { ok: false, detail: `another switch is under way${left}`, advice: 'Wait for it.' }
    }
    if (legacy.row.epoch !== target.row.epoch || legacy.row.incarnation !== target.row.incarnation) {
      return {
        ok: false,
        detail: `the fence rows are at epochs ${legacy.row.epoch} (legacy) and ${target.row.epoch} (target)`,
        advice: 'Any live process makes the one behind follow; check that both databases take writes.',
      }
    }
    return { ok: true, detail: `both at epoch ${legacy.row.epoch}` }
  },
}

/** Every process that is alive works by the current epoch. */
export const leasesGate: Gate = {
  name: 'leases',
  async check({ migration, snapshot, patienceMs }) {
    const until = migration.now() + patienceMs
    for (;;) {
      const leases = await migration.store.leases()
      const behind = leases.filter((lease) => lease.epoch < snapshot.epoch && lease.instance !== migration.instance)
      if (behind.length === 0) {
        return {
          ok: true,
          detail: `${leases.length} live ${leases.length === 1 ? 'process' : 'processes'} at epoch ${snapshot.epoch}`,
        }
      }
      if (migration.now() >= until) {
        const who = behind.map((lease) => `${lease.host}/${lease.pid} at ${lease.epoch}`).join(', ')
        return {
          ok: false,
          detail: `${behind.length} of ${leases.length} live processes behind epoch ${snapshot.epoch}: ${who}`,
          advice: 'Wait a second, or find out why they do not refresh.',
        }
      }
      await migration.sleep(Math.min(100, patienceMs))
    }
  },
}
