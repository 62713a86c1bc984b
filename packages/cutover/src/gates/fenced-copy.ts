import { TARGET_OWNER } from '@twinspan/core'
import { estimateByReading } from '../fenced-copy/estimate.ts'
import type { Gate } from '../gate.ts'

/** Writers would not wait for longer than they may. */
export const copyWaitGate: Gate = {
  name: 'copy-wait',
  async check({ migration, settings }) {
    const { rows, waitMs } = await estimateByReading(migration)
    const facts = { rows, waitMs }
    const detail = `${rows} rows, writers would wait for about ${waitMs} ms`
    if (waitMs <= settings.switchTimeoutMs) return { ok: true, detail, facts }
    return {
      ok: false,
      detail: `${detail} of ${settings.switchTimeoutMs}`,
      advice: 'Raise maxWaitMs, or take the road through dual-write, where nobody waits for a copy.',
      facts,
    }
  },
}

/** Nothing is on the target that a copy from nothing would take away. */
export const targetFreeGate: Gate = {
  name: 'target-free',
  async check({ migration, snapshot }) {
    const owner = await migration.store.getDocument(TARGET_OWNER)
    if (owner?.value === snapshot.incarnation) return { ok: true, detail: 'the rows of this migration' }
    const held: string[] = []
    for (const entity of migration.entities)
      if ((await entity.target.scan({ limit: 1 })).length > 0) held.push(entity.name)
    if (held.length === 0) return { ok: true, detail: 'empty' }
    return {
      ok: false,
      detail: `the target holds rows that this migration did not write: ${held.join(', ')}`,
      advice: 'Empty these tables, or take the road through dual-write with adoptTarget.',
    }
  },
}
