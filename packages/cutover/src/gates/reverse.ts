import { PLANS } from '@twinspan/core'
import { forEachEntity, type Gate, type GateVerdict } from '../gate.ts'
import { proveReverse, type ReverseProof } from '../prove-reverse.ts'

/** The way back works before anybody needs it: target rows translate into rows that legacy takes. */
export const reverseGate: Gate = {
  name: 'reverse-proven',
  async check(context) {
    const { migration, settings, snapshot } = context
    await proveJournal(context)
    return forEachEntity(context, async (entity) => {
      // Writing needs legacy to be the primary; after the switch the reverse mirror itself is the proof.
      const write = PLANS[snapshot.phase].primary === 'legacy'
      const opaque = migration.sides.legacy.opaque !== undefined
      return reverseVerdict(await proveReverse(migration, entity, { rows: settings.probeRows, write }), opaque)
    })
  },
}

/** The target's journal takes a mark, shows it, and gives it up again. */
async function proveJournal({ migration }: Parameters<Gate['check']>[0]): Promise<void> {
  const { journal } = migration.sides.target
  for (const entity of migration.entities) {
    const [row] = await entity.target.scan({ limit: 1 })
    if (row === undefined) continue
    // A key that really exists: a mark left behind by a crash is one copy too many, nothing worse.
    const mark = { entity: entity.name, key: entity.keyTextOf('target', row) }
    const marked = async (): Promise<boolean> => (await journal.dirty(mark.entity, [mark.key])).has(mark.key)
    if (await marked()) return
    await journal.mark([mark])
    if (!(await marked())) throw new Error('a mark in the journal of target cannot be read back')
    const rows = await journal.read({ limit: 1_000 })
    await journal.remove(
      rows.filter(({ entity: of, key }) => of === mark.entity && key === mark.key).map(({ id }) => id),
    )
    return
  }
}

export function reverseVerdict(proof: ReverseProof, opaque: boolean): GateVerdict {
  const { tried, written, dropped, wrong, unknown, changes } = proof
  const facts = { tried, written, dropped, wrong, unknown, changes }
  const advice = 'Correct toLegacy of the entity: after the switch the reverse mirror writes what it returns.'
  if (proof.refused !== undefined)
    return { ok: false, detail: `legacy does not take a row back: ${proof.refused}`, advice, facts }
  if (wrong > 0)
    return { ok: false, detail: `${wrong} of ${tried} rows cannot be translated back: ${proof.why}`, advice, facts }
  if (unknown.length > 0) return { ok: false, detail: `legacy has no column ${unknown.join(', ')}`, advice, facts }
  if (dropped > 0)
    return {
      ok: false,
      detail: `${dropped} of ${tried} rows have no legacy form and would be removed from legacy`,
      advice,
      facts,
    }
  if (tried === 0) return { ok: true, detail: 'no row to try', facts }
  const lossy = changes.length === 0 ? '' : `; ${changes.join(', ')} would change in some of them`
  const tests = opaque
    ? 'none written, because an opaque store takes nothing back'
    : `${written} written and rolled back`
  return { ok: true, detail: `${tried} rows translate back, ${tests}${lossy}`, facts }
}
