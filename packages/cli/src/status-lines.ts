import { describeHeldBack, type Lease, PHASES, type Phase } from '@twinspan/core'
import type { Output } from './output.ts'
import type { EntityStatus, Status } from './read-status.ts'
import { ago, clean, count, counted, duration, fit, instant, share, wrap } from './text.ts'

const LABEL = 13

/** A status on one screen of at most 80 columns. */
export function statusLines(output: Output, status: Status): readonly string[] {
  const { width, paint } = output
  const stamp = `epoch ${status.epoch} · ${instant(status.at)}`
  const name = fit(clean(status.migration), width - stamp.length - 2)
  const rows: (readonly [label: string, text: string])[] = [
    ['primary', primaryOf(status)],
    ['processes', processesOf(status)],
    ...(status.processes ?? []).slice(0, 5).map((lease) => ['', leaseOf(lease, status)] as const),
    ['journal', journalOf(status)],
    ['canary', canaryOf(status)],
    ...status.entities.map((entity, at) => [at === 0 ? 'backfill' : '', backfillOf(entity)] as const),
    ...status.entities.map((entity, at) => [at === 0 ? 'last sweep' : '', sweepOf(entity, status.at)] as const),
    ...gateRows(status),
    ['last change', lastChangeOf(status)],
    ...status.unread.map((what) => ['unread', clean(what)] as const),
  ]
  return [
    `${paint('strong', name)}${' '.repeat(width - name.length - stamp.length)}${paint('soft', stamp)}`,
    '',
    ...road(output, status.phase),
    '',
    ...rows.flatMap(([label, text]) => {
      const [first = '', ...more] = wrap(text, width - LABEL)
      const paintRow = alarms(label, status) ? (line: string) => paint('bad', line) : (line: string) => line
      return [
        `${paint('soft', label.padEnd(LABEL))}${paintRow(first)}`,
        ...more.map((line) => `${' '.repeat(LABEL)}${paintRow(line)}`),
      ]
    }),
  ]
}

/** The phases in order, the present one in brackets. */
function road({ width, paint }: Output, phase: Phase): readonly string[] {
  const at = PHASES.indexOf(phase)
  const words = PHASES.map((name, index) => (index === at ? `[${name}]` : name))
  const plain = words.join(' ─ ')
  if (plain.length > width) return [`${paint('strong', `[${phase}]`)} ${at + 1} of ${PHASES.length}`]
  return [
    words
      .map((word, index) => (index === at ? paint('strong', word) : paint(index < at ? 'good' : 'soft', word)))
      .join(paint('soft', ' ─ ')),
  ]
}

function alarms(label: string, { journal, canary, switching, stale }: Status): boolean {
  if (label === 'primary') return switching || stale
  if (label === 'journal') return (journal?.parked ?? 0) > 0
  if (label === 'canary') return (canary?.killed ?? null) !== null
  return label === 'unread'
}

function primaryOf({ primary, mirrorsTo, engines, switching, stale }: Status): string {
  const mirrored = mirrorsTo === null ? 'not mirrored' : `mirrored to ${mirrorsTo} (${engines[mirrorsTo]})`
  const doubts = [...(switching ? ['a switch is under way'] : []), ...(stale ? ['no fence row could be read'] : [])]
  return [`${primary} (${engines[primary]})`, mirrored, ...doubts].join(', ')
}

function processesOf({ processes, epoch }: Status): string {
  if (processes === null) return 'unknown'
  if (processes.length === 0) return 'none alive but this command'
  const behind = processes.filter((lease) => lease.epoch < epoch).length
  const rest = processes.length > 5 ? `, the first five` : ''
  return `${count(processes.length)} alive, ${behind === 0 ? `all at epoch ${epoch}` : `${behind} behind epoch ${epoch}`}${rest}`
}

function leaseOf({ host, pid, version, epoch }: Lease, status: Status): string {
  const late = epoch < status.epoch ? `, at epoch ${epoch}` : ''
  return `${clean(host)}/${pid}${version === '' ? '' : ` ${clean(version)}`}${late}`
}

function journalOf({ journal }: Status): string {
  if (journal === null) return 'unknown'
  const { depth, oldestAgeMs, parked } = journal
  const oldest = depth > parked ? `, the oldest for ${duration(oldestAgeMs)}` : ''
  return `${depth === 0 ? 'empty' : counted(depth, 'row')}${oldest}, ${parked === 0 ? 'nothing parked' : `${count(parked)} parked`}`
}

function canaryOf({ canary }: Status): string {
  if (canary === null) return 'no rollout yet'
  if (canary.killed !== null) {
    const { actor, at, reason } = canary.killed
    return `killed by ${clean(actor)}, ${instant(at)}: ${clean(reason)}`
  }
  return `${canary.percent} % of the units read from target, set ${instant(canary.since)}`
}

function backfillOf({ entity, backfill }: EntityStatus): string {
  if (backfill === null) return `${entity}: not begun`
  const { done, rows, totalRows, quarantined, throttle } = backfill
  const failed = quarantined === 0 ? '' : `, ${count(quarantined)} failed`
  if (done) return `${entity}: done, ${counted(rows, 'row')}${failed}`
  const part = totalRows === null ? '' : `${share(rows, totalRows)} of ${count(totalRows)} rows, `
  const slowed = throttle === null ? '' : `, slowed by ${clean(describeHeldBack(throttle))}`
  return `${entity}: ${part}${counted(rows, 'row')} read${failed}${slowed}`
}

function sweepOf({ entity, sweep }: EntityStatus, now: number): string {
  if (sweep === null) return `${entity}: none`
  const { rows, drift, undecided, repaired, finishedAt } = sweep
  const word = drift > 0 ? `${count(drift)} drifted` : undecided > 0 ? `${count(undecided)} undecided` : 'equal'
  return `${entity}: ${word}${repaired === 0 ? '' : ` (${count(repaired)} repaired)`}, ${counted(rows, 'row')}, ${ago(finishedAt, now)}`
}

function gateRows({ gates }: Status): readonly (readonly [string, string])[] {
  if (gates === null) return [['gates', 'not asked']]
  const { to, open, of, closed } = gates
  const goal = to === 'drop' ? 'to drop legacy' : `to ${to}`
  if (closed.length === 0) return [['gates', `all ${of} open ${goal}`]]
  return [['gates', `${open} of ${of} open ${goal}; closed: ${closed.map(clean).join(', ')}`]]
}

function lastChangeOf({ lastChange, at: now }: Status): string {
  if (lastChange === null) return 'none'
  const { at, action, from, to, actor, reason } = lastChange
  const change = [from, to].filter((text) => text !== '').join(' → ')
  return `${clean(action)} ${clean(change)} by ${clean(actor)}, ${ago(at, now)}: ${clean(reason)}`
}
