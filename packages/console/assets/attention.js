/** @import { ConsoleStatus, Part, SideStatus } from '../src/index.ts' */
import { said } from './dom.js'
import { duration, many } from './format.js'

/** What waits longer than this for its copy is late. */
const LATE_MS = 60_000

/** @typedef {{ level: 'bad' | 'warn', text: (Node | string)[] }} Alert */

/**
 * What somebody should look at, the worst first: the level and what to say.
 *
 * @param {ConsoleStatus} status
 * @returns {Alert[]}
 */
export function attention(status) {
  const found = RULES.flatMap((rule) => rule(status) ?? [])
  return found.sort((a, b) => (a.level === b.level ? 0 : a.level === 'bad' ? -1 : 1))
}

/** @type {(...text: (Node | string)[]) => Alert} */
const bad = (...text) => ({ level: 'bad', text })
/** @type {(...text: (Node | string)[]) => Alert} */
const warn = (...text) => ({ level: 'warn', text })

/** @typedef {Alert | Alert[] | undefined} Found */

/** @type {((status: ConsoleStatus) => Found)[]} */
const RULES = [
  silent,
  stale,
  switching,
  resting,
  killed,
  fences,
  (status) => journal(status, 'legacy'),
  (status) => journal(status, 'target'),
  gaps,
  drift,
  quarantine,
  behind,
]

/** @type {(status: ConsoleStatus) => Found} */
function silent({ position, sides, rollout, counted, entities, findings, processes, audit, plan }) {
  /** @type {[string, ...({ readonly ok: true } | Extract<Part<unknown>, { ok: false }>)[]][]} */
  const asked = [
    ['The legacy side', sides.legacy.journal, sides.legacy.fence],
    ['The target side', sides.target.journal, sides.target.fence],
    ['The store', rollout, counted, findings, processes, audit, ...entities],
    // Gates may examine both databases, and take their time.
    ['The plan', plan === null || plan.ok || plan.why === 'does not answer' ? { ok: true } : plan],
    ['The phase', position],
  ]
  return asked.flatMap(([name, ...parts]) => {
    const lost = parts.find((part) => !part.ok)
    return lost === undefined || lost.ok ? [] : [bad(`${name} ${lost.why === 'failed' ? 'fails' : 'does not answer'}.`)]
  })
}

/** @type {(status: ConsoleStatus) => Found} */
function stale({ position }) {
  if (position.ok && position.value.stale) return bad('This process reaches neither fence and goes by an old phase.')
}

/** @type {(status: ConsoleStatus) => Found} */
function switching({ position }) {
  if (position.ok && position.value.switching) return warn('A switch is under way: writers wait.')
}

/** @type {(status: ConsoleStatus) => Found} */
function resting({ observed, position }) {
  if (!observed?.rests || !position.ok || position.value.phase !== 'canary') return undefined
  return warn('Target fails this process, which leaves it alone for a while: its reads are on legacy.')
}

/** @type {(status: ConsoleStatus) => Found} */
function killed({ rollout, position }) {
  const kill = rollout.ok ? rollout.value?.killed : null
  if (!kill || !position.ok || position.value.phase !== 'canary') return
  return bad('The canary was killed by ', said(kill.actor), ': ', said(kill.reason), '. Every read is on legacy.')
}

/** @type {(status: ConsoleStatus) => Found} */
function fences({ sides }) {
  const { legacy, target } = sides
  if (!legacy.fence.ok || !target.fence.ok || !legacy.fence.value || !target.fence.value) return
  if (legacy.fence.value.epoch === target.fence.value.epoch) return
  return warn(
    `The fences disagree: legacy is at epoch ${legacy.fence.value.epoch}, target at ${target.fence.value.epoch}.`,
  )
}

/**
 * @param {ConsoleStatus} status
 * @param {'legacy' | 'target'} side
 * @returns {Found}
 */
function journal({ sides, position }, side) {
  const { journal } = sides[side]
  if (!journal.ok) return
  const { parked, oldestAgeMs } = journal.value
  // Where nothing is copied, nothing is late: before dual-write, and once legacy is frozen.
  const isCopied = position.ok && position.value.mirrorsTo !== null && position.value.primary === side
  return [
    parked > 0
      ? bad(`${many(parked, 'change')} of ${side} could not be copied and ${parked === 1 ? 'is' : 'are'} parked.`)
      : [],
    isCopied && oldestAgeMs > LATE_MS
      ? warn(`A change of ${side} has waited ${duration(oldestAgeMs - (oldestAgeMs % LATE_MS))} for its copy.`)
      : [],
  ].flat()
}

/** @type {(status: ConsoleStatus) => Found} */
function gaps({ findings }) {
  const found = findings.ok ? findings.value.groups.filter(({ kind }) => kind === 'capture-gap') : []
  return found.map(({ entity }) =>
    bad('Writes of ', said(entity), ' passed by the journal: a full sweep has to follow.'),
  )
}

/** @type {(status: ConsoleStatus) => Found} */
function drift({ entities }) {
  return entities.flatMap((entity) => {
    if (!entity.ok || !entity.value.sweep?.counts) return []
    const { sweep } = entity.value
    if (sweep.drift <= sweep.repaired) return []
    return [
      bad(
        `${many(sweep.drift - sweep.repaired, 'record')} of `,
        said(entity.value.entity),
        ' differed in the last sweep.',
      ),
    ]
  })
}

/** @type {(status: ConsoleStatus) => Found} */
function quarantine({ entities }) {
  return entities.flatMap((entity) => {
    if (!entity.ok || !entity.value.backfill?.counts) return []
    const { backfill } = entity.value
    if (backfill.quarantined === 0) return []
    return [
      warn(
        `${many(backfill.quarantined, 'row')} of `,
        said(entity.value.entity),
        ' could not be copied by the backfill.',
      ),
    ]
  })
}

/** @type {(status: ConsoleStatus) => Found} */
function behind({ processes, position }) {
  if (!processes.ok || !position.ok) return
  const late = processes.value.filter(({ epoch }) => epoch < position.value.epoch).length
  if (late > 0) return warn(`${late === 1 ? '1 process goes' : `${late} processes go`} by an older epoch.`)
}
