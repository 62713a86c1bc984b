import { type DoctorFinding, verdictOn } from '@twinspan/core'
import type { Gate } from '../gate.ts'

/** Neither database is set up in a way that the next phase cannot live with. */
export const doctorGate: Gate = {
  name: 'doctor',
  async check({ migration, to }) {
    if (to === 'drop') return { ok: true, detail: 'nothing is written any more' }
    const { acceptRisks } = migration
    const findings = await migration.doctor()
    const { refusing, accepted } = verdictOn(to, findings, acceptRisks)
    // A switch is no moment for a side that nobody could look at.
    const unexamined = findings.filter(({ name }) => name === 'not-examined' && !acceptRisks.includes(name))
    const facts = findings.map(({ side, name, severity, detail }) => ({ side, name, severity, detail }))
    const closing = [...refusing, ...unexamined]
    if (closing.length > 0) {
      return {
        ok: false,
        detail: closing.map(({ detail, ...finding }) => `${nameOf(finding)}: ${detail}`).join('; '),
        advice: `Mend it, or name ${[...new Set(closing.map(({ name }) => `'${name}'`))].join(', ')} in acceptRisks of createMigration.`,
        facts,
      }
    }
    const warnings = findings.filter(({ severity }) => severity === 'warn').map(nameOf)
    const told = [
      ...(accepted.length === 0 ? [] : [`accepted: ${accepted.map(nameOf).join(', ')}`]),
      ...(warnings.length === 0 ? [] : [`warned of: ${warnings.join(', ')}`]),
    ]
    return { ok: true, detail: told.length === 0 ? 'nothing found' : told.join('; '), facts }
  },
}

function nameOf({ side, name }: Pick<DoctorFinding, 'side' | 'name'>): string {
  return `${name} on ${side}`
}
