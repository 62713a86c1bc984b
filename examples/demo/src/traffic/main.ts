import { setTimeout as sleep } from 'node:timers/promises'
import { passwordOf } from '../domain/members.ts'
import type { Place } from '../domain/place.ts'
import { childOf } from '../process/child.ts'
import { createClient } from './http.ts'
import { Ledger } from './ledger.ts'
import { Members } from './members.ts'
import { Stats, type TrafficSummary } from './stats.ts'
import { inventDraft } from './texts.ts'
import { type Visit, Visitor } from './visitor.ts'
import { World } from './world.ts'

/** The users. They know the service's URLs, their own passwords and nothing else. */
export interface TrafficInput {
  readonly services: readonly string[]
  readonly ledger: string
  readonly visitors: number
  readonly members: number
  readonly thinkMs: number
}

const COUNTRIES = [
  'AD',
  'AE',
  'BG',
  'CN',
  'DE',
  'ES',
  'FR',
  'GR',
  'IN',
  'JP',
  'KZ',
  'MA',
  'MK',
  'RU',
  'TH',
  'UA',
  'US',
  'VN',
]
const SHARED = 6
const REPORT_MS = 200

const parent = childOf<TrafficInput>()
const { services, ledger: ledgerFile, visitors, members: total, thinkMs } = parent.input
const clients = services.map(createClient)
const ledger = new Ledger(ledgerFile)
const stats = new Stats()
const world = new World()
const members = new Members(total)

for (const [index, country] of COUNTRIES.entries()) {
  const answer = await clients[index % clients.length]!('GET', `/places?country=${country}&after=0&limit=200`)
  if (answer.status !== 200)
    throw new Error(`The service does not list ${country}: ${answer.status} ${answer.failure ?? ''}`)
  world.learn(answer.body as Place[])
}
// Nobody's, everybody's, and the rest: one visitor each.
const reserved = world.places.shift()!
world.shared.push(...world.places.splice(0, SHARED))
const visits: Visit[] = Array.from({ length: visitors }, (_, index) => ({
  send: clients[index % clients.length]!,
  ledger,
  stats,
  world,
  members,
  thinkMs,
  own: world.places.filter((_place, at) => at % visitors === index),
}))

const leaving = new AbortController()
const stays = visits.map(async (visit, index) => {
  await sleep((index / visitors) * thinkMs * 6)
  await new Visitor(visit).stay(leaving.signal)
})
const reporter = setInterval(() => parent.tell(stats.counts(ledger.acknowledged)), REPORT_MS)

parent.answer('members-return', () => {
  members.returning = true
})
/** One edit of a place that nobody else ever touches; its key, for whoever wants to see whether it gets lost. */
parent.answer('reserved-key', () => reserved.id)
parent.answer('edit-reserved', async () => {
  const draft = inventDraft(reserved.country, 0)
  const { id, email } = members.arrive()
  const login = await clients[0]!('POST', '/login', { login: email, password: passwordOf(id) })
  const { token } = login.body as { token: string }
  const headers = { authorization: `Bearer ${token}` }
  const { status, sent, answered } = await clients[0]!('PUT', `/places/${reserved.id}`, draft, headers)
  if (status !== 200) throw new Error(`The service answered ${status}.`)
  ledger.write({
    entity: 'place',
    operation: 'replace',
    key: reserved.id,
    state: draft as unknown as Record<string, unknown>,
    sent,
    answered,
    outcome: 'acknowledged',
  })
})
parent.answer('leave', async (): Promise<TrafficSummary> => {
  leaving.abort()
  await Promise.all(stays)
  clearInterval(reporter)
  ledger.close()
  return stats.summary(ledger.acknowledged)
})
parent.ready({ places: world.places.length })
