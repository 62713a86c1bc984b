import { said } from './dom.js'
import { duration, many } from './format.js'

/** What waits longer than this for its copy is late. */
const LATE_MS = 60_000

/**
 * What somebody should look at, the worst first: the level and what to say.
 *
 * @returns {{ level: 'bad' | 'warn', text: (Node | string)[] }[]}
 */
export function attention(status) {
  const found = RULES.flatMap((rule) => rule(status) ?? [])
  return found.sort((a, b) => (a.level === b.level ? 0 : a.level === 'bad' ? -1 : 1))
}

const bad = (...text) => ({ level: 'bad', text })
const warn = (...text) => ({ level: 'warn', text })

const RULES = [
  silent,
  stale,
  switching,
  killed,
  fences,
  (status) => journal(status, 'legacy'),
  (status) => journal(status, 'target'),
  gaps,
  drift,
  quarantine,
  behind,
]

function silent({ position, sides, rollout, entities, findings, processes, audit, plan }) {
  const asked = [
    ['The legacy side', sides.legacy.journal, sides.legacy.fence],
    ['The target side', sides.target.journal, sides.target.fence],
    ['The store', rollout, findings, processes, audit, ...entities],
    ['The plan', plan ?? { ok: true }],
    ['The phase', position],
  ]
  return asked.flatMap(([name, ...parts]) => {
    const lost = parts.find((part) => !part.ok)
    return lost === undefined ? [] : [bad(`${name} ${lost.why === 'failed' ? 'fails' : 'does not answer'}.`)]
  })
}

function stale({ position }) {
  if (position.ok && position.value.stale) return bad('This process reaches neither fence and goes by an old phase.')
}

function switching({ position }) {
  if (position.ok && position.value.switching) return warn('A switch is under way: writers wait.')
}

function killed({ rollout, position }) {
  const kill = rollout.ok ? rollout.value?.killed : null
  if (!kill || !position.ok || position.value.phase !== 'canary') return
  return bad('The canary was killed by ', said(kill.actor), ': ', said(kill.reason), '. Every read is on legacy.')
}

function fences({ sides }) {
  const { legacy, target } = sides
  if (!legacy.fence.ok || !target.fence.ok || !legacy.fence.value || !target.fence.value) return
  if (legacy.fence.value.epoch === target.fence.value.epoch) return
  return warn(
    `The fences disagree: legacy is at epoch ${legacy.fence.value.epoch}, target at ${target.fence.value.epoch}.`,
  )
}

function journal({ sides }, side) {
  const { journal } = sides[side]
  if (!journal.ok) return
  const { parked, oldestAgeMs } = journal.value
  return [
    parked > 0
      ? bad(`${many(parked, 'change')} of ${side} could not be copied and ${parked === 1 ? 'is' : 'are'} parked.`)
      : [],
    oldestAgeMs > LATE_MS
      ? warn(`A change of ${side} has waited ${duration(oldestAgeMs - (oldestAgeMs % LATE_MS))} for its copy.`)
      : [],
  ].flat()
}

function gaps({ findings }) {
  const found = findings.ok ? findings.value.groups.filter(({ kind }) => kind === 'capture-gap') : []
  return found.map(({ entity }) =>
    bad('Writes of ', said(entity), ' passed by the journal: a full sweep has to follow.'),
  )
}

function drift({ entities }) {
  return entities.flatMap((entity) => {
    const sweep = entity.ok ? entity.value.sweep : null
    if (!sweep?.counts || sweep.drift <= sweep.repaired) return []
    return [
      bad(
        `${many(sweep.drift - sweep.repaired, 'record')} of `,
        said(entity.value.entity),
        ' differed in the last sweep.',
      ),
    ]
  })
}

function quarantine({ entities }) {
  return entities.flatMap((entity) => {
    const backfill = entity.ok ? entity.value.backfill : null
    if (!backfill?.counts || backfill.quarantined === 0) return []
    return [
      warn(
        `${many(backfill.quarantined, 'row')} of `,
        said(entity.value.entity),
        ' could not be copied by the backfill.',
      ),
    ]
  })
}

function behind({ processes, position }) {
  if (!processes.ok || !position.ok) return
  const late = processes.value.filter(({ epoch }) => epoch < position.value.epoch).length
  if (late > 0) return warn(`${late === 1 ? '1 process goes' : `${late} processes go`} by an older epoch.`)
}
