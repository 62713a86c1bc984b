/** @import { BackfillStatus, ConsoleStatus, Counted, EntityStatus, FindingStatus, Observed, Part, PlanLike, Position, RolloutStatus, SideStatus, SweepStatus, Trials } from '../src/index.ts' */
/** @import { Child, Level } from './dom.js' */
import { attention } from './attention.js'
import { chip, facts, h, moment, part, quiet, said, table } from './dom.js'
import { count, duration, many, share } from './format.js'

/**
 * Every part of the page that a status fills: what it shows, which tells whether it has to be drawn again, and how. A new part
 * is a new row here and a `data-part` in the page.
 *
 * @type {Record<string, { of: (status: ConsoleStatus) => unknown, view: (status: ConsoleStatus) => Node[] }>}
 */
export const SECTIONS = {
  // By what it says and not by what it is made of: it is read aloud whenever it is drawn.
  attention: { of: (status) => attention(status).map(textOf), view: viewAttention },
  road: { of: ({ road, position }) => [road, position], view: viewRoad },
  sides: { of: ({ sides, position }) => [sides, position], view: viewSides },
  plan: { of: ({ plan }) => plan, view: ({ plan }) => viewPlan(plan) },
  canary: { of: ({ rollout, position }) => [rollout, position], view: viewCanary },
  guard: { of: ({ counted, observed, position }) => [counted, observed?.guard, position], view: viewGuard },
  copies: { of: ({ entities }) => entities, view: ({ entities }) => entities.flatMap((one) => part(one, viewEntity)) },
  findings: { of: ({ findings }) => findings, view: ({ findings }) => part(findings, viewFindings) },
  logins: { of: ({ observed }) => [observed?.logins, observed?.loginsRemaining], view: viewLogins },
  processes: { of: ({ processes, position, instance }) => [processes, position, instance], view: viewProcesses },
  audit: { of: ({ audit }) => audit, view: ({ audit }) => part(audit, viewAudit) },
}

/** @param {ReturnType<typeof attention>[number]} alert */
function textOf({ level, text }) {
  return [level, ...text.map((piece) => (typeof piece === 'string' ? piece : piece.textContent))]
}

/** @param {ConsoleStatus} status */
function viewAttention(status) {
  const found = attention(status)
  if (found.length === 0) return [h('p', { class: 'notice ok' }, chip('ok', 'Nothing needs attention'))]
  return [
    h(
      'ul',
      { class: 'alerts' },
      found.map(({ level, text }) =>
        h('li', { class: `notice ${level}` }, chip(level, level === 'bad' ? 'Act' : 'Watch'), ' ', h('span', {}, text)),
      ),
    ),
  ]
}

/** @type {Record<string, string>} */
const WHAT = {
  off: 'Legacy alone',
  capture: 'Writes are noted',
  'dual-write': 'Writes are copied',
  shadow: 'Reads are compared',
  canary: 'Some read from target',
  'target-primary': 'Target takes the writes',
  complete: 'Legacy is frozen',
}

/** @param {ConsoleStatus} status */
function viewRoad({ road, position }) {
  if (!position.ok) return part(position, () => [])
  const here = road.indexOf(position.value.phase)
  return [
    h(
      'ol',
      {},
      road.map((phase, at) => {
        const state = at < here ? 'past' : at === here ? 'here' : 'ahead'
        const word = { past: 'passed: ', here: 'here: ', ahead: '' }[state]
        const isTarget = phase === 'target-primary' || phase === 'complete'
        return h(
          'li',
          { class: `${state} ${isTarget ? 'target' : 'legacy'}`, 'aria-current': state === 'here' ? 'step' : null },
          h('span', { class: 'dot', 'aria-hidden': 'true' }, state === 'past' ? '✓' : at + 1),
          h('span', { class: 'phase' }, h('span', { class: 'hidden' }, word), phase),
          h('span', { class: 'what' }, WHAT[phase]),
        )
      }),
    ),
  ]
}

/** @param {ConsoleStatus} status */
function viewSides({ sides, position }) {
  const at = position.ok ? position.value : undefined
  return [viewSide('legacy', sides.legacy, at), viewSide('target', sides.target, at)]
}

/**
 * @param {'legacy' | 'target'} name
 * @param {SideStatus} side
 * @param {Position | undefined} position
 */
function viewSide(name, { engine, capture, journal, fence }, position) {
  const role = position && roleOf(name, position)
  return h(
    'section',
    { class: `card side ${name}`, 'aria-labelledby': `${name}-title` },
    h('h2', { id: `${name}-title` }, name, ' ', h('small', {}, said(engine), role ? ` · ${role}` : '')),
    part(journal, ({ depth, oldestAgeMs, parked }) =>
      facts([
        [waitingFor(name, position), h('strong', { class: 'big' }, count(depth))],
        ['Oldest', depth === 0 ? '–' : duration(oldestAgeMs)],
        ['Parked', parked === 0 ? chip('ok', 'none') : chip('bad', count(parked))],
        ['Writes caught by', capture],
      ]),
    ),
    part(fence, (row) =>
      facts([
        [
          'Fence',
          row === null ? 'not there yet' : row.open ? chip('ok', 'open') : chip('warn', 'closed: writers wait'),
        ],
        row && ['Epoch', `${row.epoch} (${row.phase})`],
        row?.pendingTo && ['Switch under way to', row.pendingTo],
      ]),
    ),
  )
}

/**
 * @param {'legacy' | 'target'} name
 * @param {Position | undefined} position
 */
function waitingFor(name, position) {
  if (position?.primary !== name || position.mirrorsTo !== null) return 'Waiting for a copy'
  return position.phase === 'complete' ? 'Left in the journal' : 'Waiting for dual-write'
}

/**
 * @param {'legacy' | 'target'} name
 * @param {Position} position
 */
function roleOf(name, { primary, mirrorsTo }) {
  if (name === primary) return 'primary: takes the writes'
  return name === mirrorsTo ? 'kept in step' : 'at rest'
}

/** @param {Part<PlanLike> | null} plan */
function viewPlan(plan) {
  if (plan === null) return [quiet('No plan was given to the console.')]
  // Gates may examine both databases, and take their time.
  if (!plan.ok && plan.why === 'does not answer') return [quiet('The gates are being asked.')]
  return part(plan, ({ ready, to, gates }) => [
    h(
      'p',
      {},
      ready ? chip('ok', 'Every gate is open') : chip('warn', closedGates(gates)),
      ' on the way to ',
      to === 'drop' ? 'dropping legacy' : said(to),
    ),
    h('ul', { class: 'gates closed' }, gates.filter(({ ok }) => !ok).map(viewClosed)),
    h('ul', { class: 'gates open' }, gates.filter(({ ok }) => ok).map(viewOpen)),
  ])
}

/** @param {PlanLike['gates'][number]} gate */
function viewClosed({ name, detail, advice }) {
  return h(
    'li',
    {},
    h('p', {}, chip('bad', 'closed'), ' ', h('strong', {}, said(name))),
    h('p', { class: 'quiet' }, said(detail)),
    advice === undefined ? null : h('p', { class: 'advice' }, said(advice)),
  )
}

/** @param {PlanLike['gates'][number]} gate */
function viewOpen({ name, detail }) {
  return h('li', {}, chip('ok', 'open'), ' ', h('span', {}, said(name), ' ', h('small', {}, said(detail))))
}

/** @param {PlanLike['gates']} gates */
function closedGates(gates) {
  return `${many(gates.filter(({ ok }) => !ok).length, 'gate')} closed`
}

/** @param {ConsoleStatus} status */
function viewCanary({ rollout, position }) {
  const primary = position.ok ? position.value.primary : undefined
  return part(rollout, (stored) => {
    if (primary === 'target') return quiet('Everybody reads from target: the switch is made.')
    if (stored === null) return quiet('Nobody reads from target yet.')
    const { percent, stands, since, killed, allowed, denied, pinnedTenants } = stored
    const isCanary = position.ok && position.value.phase === 'canary'
    const live = killed || !isCanary || !stands ? 0 : Number(percent)
    return [
      h('p', { class: 'figure' }, h('strong', { class: 'huge' }, `${live} %`), ' of the users read from target'),
      h('progress', { max: '100', value: live, 'aria-label': 'Share of the users who read from target' }),
      h('p', {}, canaryState(stored, isCanary), ' ', h('small', {}, `${percent} % set `, moment(since))),
      killed && viewKill(killed),
      facts([
        ['Lists', `${many(allowed, 'key')} always, ${count(denied)} never, ${many(pinnedTenants, 'tenant')} pinned`],
      ]),
    ]
  })
}

/**
 * @param {RolloutStatus} rollout
 * @param {boolean} isCanary
 */
function canaryState({ killed, stands }, isCanary) {
  if (killed) return chip('bad', 'killed')
  if (!isCanary) return chip('none', 'not in canary')
  return stands ? chip('ok', 'standing') : chip('warn', 'of an earlier canary, counts as 0 %')
}

/** @param {NonNullable<RolloutStatus['killed']>} kill */
function viewKill({ actor, reason, at, evidence }) {
  return h(
    'div',
    { class: 'notice bad' },
    h('p', {}, 'Killed by ', said(actor), ' ', moment(at), ': ', said(reason)),
    evidence === null
      ? null
      : h('details', {}, h('summary', {}, 'Evidence'), h('pre', { tabindex: '0' }, JSON.stringify(evidence, null, 1))),
  )
}

/** @param {ConsoleStatus} status */
function viewGuard({ counted, observed, position }) {
  // After the switch nobody judges any more.
  const isJudged = position.ok && position.value.primary === 'legacy'
  const evidence = isJudged ? guardOf(observed?.guard ?? {}) : null
  return [
    ...part(counted, (trials) => (trials === null ? [] : viewCounted(trials))),
    ...(evidence === null ? [] : [evidence]),
  ]
}

/** @param {Counted} counted */
function viewCounted({ processes, legacy, target, compared }) {
  /** @type {(name: string, trials: Trials) => Child[]} */
  const row = (name, { total, bad }) => [name, count(total), count(bad), total === 0 ? '–' : ratio(bad / total)]
  return h(
    'div',
    {},
    h(
      'h3',
      {},
      `What the guard has counted `,
      h('small', {}, `in ${processes === 1 ? '1 process' : `${processes} processes`}`),
    ),
    table(
      'What the guard has counted',
      ['Trial', 'Reads', 'Bad', 'Share'],
      [row('failed on legacy', legacy), row('failed on target', target), row('compared, differed', compared)],
    ),
  )
}

/** @param {number} value */
function ratio(value) {
  return `${Number((value * 100).toPrecision(2))} %`
}

/** @param {Observed['guard']} guard */
function guardOf(guard) {
  const signals = Object.entries(guard)
  if (signals.length === 0) return null
  /** @type {Record<string, Level>} */
  const level = { ok: 'ok', hold: 'none', kill: 'bad' }
  /** @type {Record<string, string>} */
  const word = { ok: 'healthy', hold: 'too little to tell', kill: 'enough to kill' }
  return h(
    'div',
    {},
    h('h3', {}, 'Evidence against target'),
    h(
      'ul',
      { class: 'meters' },
      signals.map(([name, { signal, verdict, strength, needed }]) =>
        h(
          'li',
          {},
          h('span', {}, `${name}: ${signal} `, chip(level[verdict] ?? 'none', word[verdict] ?? said(verdict))),
          h('meter', {
            min: '0',
            max: '1',
            high: '0.6',
            value: Math.max(0, Math.min(1, strength / needed)),
            'aria-label': `${name}: share of the evidence that kills`,
          }),
        ),
      ),
    ),
  )
}

/** @param {EntityStatus} status */
function viewEntity({ entity, backfill, sweep }) {
  return h(
    'div',
    { class: 'entity' },
    h('h3', {}, said(entity)),
    h('div', { class: 'pair' }, h('div', {}, viewBackfill(backfill, entity)), h('div', {}, viewSweep(sweep))),
  )
}

/**
 * @param {BackfillStatus | null} backfill
 * @param {string} entity
 */
function viewBackfill(backfill, entity) {
  if (backfill === null) return [quiet('No backfill has begun.')]
  const { counts, done, rows, totalRows, etaMs, rate, quarantined, updatedAt, heldBackBy } = backfill
  const state = done ? chip('ok', 'backfill done') : chip('none', 'backfill under way')
  return [
    h('p', {}, counts ? state : chip('warn', 'backfill of an earlier attempt'), ' ', h('small', {}, moment(updatedAt))),
    totalRows === null
      ? null
      : h('progress', { max: Math.max(1, totalRows), value: rows, 'aria-label': `Backfill of ${entity.slice(0, 80)}` }),
    facts([
      ['Rows', totalRows === null || done ? count(rows) : `${count(rows)} of ${count(totalRows)}`],
      done ? null : ['Time left', etaMs === null ? 'unknown' : duration(etaMs)],
      heldBackBy === null ? null : ['Slowed by', heldBackBy],
      rate === null ? null : ['Rows per second', count(rate)],
      ['Could not be copied', quarantined === 0 ? chip('ok', 'none') : chip('warn', count(quarantined))],
    ]),
  ]
}

/** @param {SweepStatus | null} sweep */
function viewSweep(sweep) {
  if (sweep === null) return [quiet('No full sweep has ended.')]
  const { counts, parity, lowerBound, rows, drift, repaired, undecided, finishedAt, patterns } = sweep
  const left = drift - repaired
  const state = left === 0 ? chip('ok', 'in parity') : chip('bad', `${count(left)} differ`)
  return [
    h('p', {}, counts ? state : chip('warn', 'sweep of an earlier attempt'), ' ', h('small', {}, moment(finishedAt))),
    facts([
      ['Parity', h('strong', { class: 'big' }, share(parity))],
      ['At least', share(lowerBound)],
      ['Compared', count(rows)],
      ['Differed, repaired', `${count(drift)}, ${count(repaired)}`],
      ['Undecided', count(undecided)],
    ]),
    patterns.length === 0
      ? null
      : h(
          'ul',
          { class: 'patterns' },
          patterns.map(({ field, reason, keys }) =>
            h('li', {}, `${count(keys)} × `, field === null ? 'whole record' : said(field), ' ', said(reason)),
          ),
        ),
  ]
}

/** @param {FindingStatus} findings */
function viewFindings({ groups, looked, more }) {
  if (groups.length === 0) return [quiet('Nothing was found.')]
  return [
    table(
      'Findings by field',
      ['Count', 'Entity', 'Field', 'Reason', 'Found by', 'Last'],
      groups.map(({ count: found, entity, field, operation, reason, kind, newest }) => [
        count(found),
        said(entity),
        field === null ? (operation === null ? '–' : said(operation)) : said(field),
        reason === null ? '–' : said(reason),
        said(kind),
        moment(newest),
      ]),
    ),
    more ? quiet(`Of more than ${count(looked)} findings.`) : null,
  ]
}

/** @param {ConsoleStatus} status */
function viewLogins({ observed }) {
  const { loginsRemaining: remaining = {}, logins } = observed ?? {}
  const { ok = 0, refused = 0, upgraded = {} } = logins ?? {}
  /** @param {string} scheme */
  const left = (scheme) => remaining[scheme] ?? 0
  const schemes = [...new Set([...Object.keys(remaining), ...Object.keys(upgraded)])]
  if (schemes.length === 0 && ok + refused === 0) return [quiet('Nobody has logged in or counted in this process.')]
  const told = schemes.filter((scheme) => left(scheme) > 0 || (upgraded[scheme] ?? 0) > 0)
  return [
    h('p', {}, `${many(ok, 'login')}, ${count(refused)} refused `, h('small', {}, 'in this process')),
    told.length === 0
      ? h(
          'p',
          {},
          chip(schemes.length === 0 ? 'none' : 'ok', schemes.length === 0 ? 'not counted here' : 'nobody remains'),
        )
      : table(
          'Logins by scheme',
          ['Scheme', 'Upgraded here', 'Remaining'],
          told
            .sort((a, b) => left(b) - left(a))
            .map((scheme) => [said(scheme), count(upgraded[scheme] ?? 0), leftOf(remaining[scheme])]),
        ),
  ]
}

/** @param {number | undefined} users */
function leftOf(users) {
  if (users === undefined) return h('span', { class: 'quiet' }, 'not counted here')
  return users === 0 ? chip('ok', 'none') : count(users)
}

/** @param {ConsoleStatus} status */
function viewProcesses({ processes, position, instance }) {
  const epoch = position.ok ? position.value.epoch : null
  return part(processes, (leases) => {
    if (leases.length === 0) return quiet('No process holds a lease.')
    return table(
      'Processes',
      ['Process', 'Host', 'Version', 'Phase', 'Epoch'],
      leases.map((lease) => [
        h('span', {}, said(lease.instance), lease.instance === instance ? h('small', {}, ' (this one)') : null),
        h('span', {}, said(lease.host), `:${lease.pid}`),
        lease.version === '' ? '–' : said(lease.version),
        said(lease.phase),
        epoch === null || lease.epoch >= epoch
          ? chip('ok', String(lease.epoch))
          : chip('warn', `${lease.epoch}, behind`),
      ]),
    )
  })
}

/** @param {Extract<ConsoleStatus['audit'], { ok: true }>['value']} entries */
function viewAudit(entries) {
  if (entries.length === 0) return [quiet('Nothing has been decided yet.')]
  return [
    h(
      'ol',
      { class: 'audit', tabindex: '0', 'aria-label': 'Audit trail, newest first' },
      entries.map(({ at, action, from, to, actor, reason, epoch }) =>
        h(
          'li',
          {},
          h(
            'p',
            {},
            h('strong', {}, said(action)),
            ' ',
            step(from, to),
            ' ',
            h('small', {}, 'by ', said(actor), ', ', moment(at), `, epoch ${epoch}`),
          ),
          h('p', { class: 'quiet' }, said(reason)),
        ),
      ),
    ),
  ]
}

/**
 * @param {string} from
 * @param {string} to
 */
function step(from, to) {
  if (from === '') return said(to)
  return h('span', {}, said(from), h('span', { class: 'arrow' }, ' → '), said(to))
}
