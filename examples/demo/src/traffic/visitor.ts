import { setTimeout as sleep } from 'node:timers/promises'
import { passwordOf } from '../domain/members.ts'
import type { Place, PlaceDraft } from '../domain/place.ts'
import type { Answer, Send } from './http.ts'
import type { Ledger } from './ledger.ts'
import type { Member, Members } from './members.ts'
import type { Stats } from './stats.ts'
import { inventDraft, inventName, pick } from './texts.ts'
import type { Known, World } from './world.ts'

export interface Visit {
  readonly send: Send
  readonly ledger: Ledger
  readonly stats: Stats
  readonly world: World
  readonly members: Members
  readonly thinkMs: number
  /** The places that this visitor alone edits and deletes, so that their last acknowledged state is known exactly. */
  readonly own: Known[]
}

const ACTIONS_PER_VISIT = 24
const WRONG_PASSWORDS = 0.08

let serial = 0

/** One person at a time: comes, logs in, looks around, changes this and that, leaves, and is somebody else. */
export class Visitor {
  readonly #visit: Visit
  readonly #written = new Map<number, PlaceDraft>()
  #headers: Record<string, string> = {}

  constructor(visit: Visit) {
    this.#visit = visit
  }

  async stay(signal: AbortSignal): Promise<void> {
    const { members, thinkMs } = this.#visit
    while (!signal.aborted) {
      const member = members.arrive()
      if (await this.#login(member)) {
        const actions = ACTIONS_PER_VISIT * (0.3 + Math.random() * 1.4)
        for (let action = 0; action < actions && !signal.aborted; action++) {
          await sleep(thinkMs * (0.5 + Math.random()))
          await this.#act(member)
        }
      }
      members.leave(member)
    }
  }

  async #act(member: Member): Promise<void> {
    const dice = Math.random()
    if (dice < 0.5) return this.#read(pick(this.#visit.world.places).id)
    if (dice < 0.6 && this.#written.size > 0) return this.#read(pick([...this.#written.keys()]))
    if (dice < 0.66) return this.#list()
    if (dice < 0.76) return this.#replace(pick(this.#visit.own))
    if (dice < 0.8) return this.#replace(pick(this.#visit.world.shared), true)
    if (dice < 0.89) return this.#create()
    if (dice < 0.94) return this.#remove()
    return this.#editAccount(member)
  }

  async #login(member: Member): Promise<boolean> {
    const { send, stats } = this.#visit
    this.#written.clear()
    this.#headers = { 'x-visitor': crypto.randomUUID() }
    if (Math.random() < WRONG_PASSWORDS) {
      const wrong = await send('POST', '/login', { login: member.email, password: 'not my password' }, this.#headers)
      stats.requests++
      if (wrong.status === 401) stats.refusedLogins++
      else this.#complain('login with a wrong password', wrong)
    }
    const answer = await send('POST', '/login', { login: member.email, password: passwordOf(member.id) }, this.#headers)
    stats.requests++
    if (answer.status !== 200) {
      this.#complain('login', answer)
      return false
    }
    const { token, upgraded } = answer.body as { token: string; upgraded: boolean }
    stats.logins++
    if (upgraded) stats.upgraded++
    this.#headers = { ...this.#headers, authorization: `Bearer ${token}` }
    return true
  }

  async #read(id: number): Promise<void> {
    const { send, stats, world } = this.#visit
    const expected = this.#written.get(id)
    const answer = await send('GET', `/places/${id}`, undefined, this.#headers)
    stats.requests++
    stats.reads++
    if (answer.status === 404 && world.gone.has(id)) return
    if (answer.status !== 200) return this.#complain('read', answer)
    if (expected !== undefined && !shows(answer.body as Place, expected)) stats.staleReads++
  }

  async #list(): Promise<void> {
    const { send, stats, world } = this.#visit
    const { country, id } = pick(world.places)
    const answer = await send('GET', `/places?country=${country}&after=${id - 1}&limit=10`, undefined, this.#headers)
    stats.requests++
    stats.reads++
    if (answer.status !== 200) this.#complain('list', answer)
  }

  async #create(): Promise<void> {
    const draft = inventDraft(pick(this.#visit.world.places).country, ++serial)
    const answer = await this.#visit.send('POST', '/places', draft, this.#headers)
    const id = answer.status === 201 ? (answer.body as Place).id : null
    this.#record('place', 'create', id, draft, answer, 201)
    if (id === null) return
    this.#visit.own.push({ id, country: draft.country })
    this.#written.set(id, draft)
  }

  async #replace(place: Known, shared = false): Promise<void> {
    const draft = inventDraft(place.country, ++serial)
    const answer = await this.#visit.send('PUT', `/places/${place.id}`, draft, this.#headers)
    this.#record('place', 'replace', place.id, draft, answer, 200)
    // What others edit too may show their state instead of ours.
    if (!shared && answer.status === 200) this.#written.set(place.id, draft)
  }

  async #remove(): Promise<void> {
    const { own, send, world } = this.#visit
    if (own.length <= 4) return this.#create()
    const [place] = own.splice(Math.floor(Math.random() * own.length), 1) as [Known]
    world.gone.add(place.id)
    this.#written.delete(place.id)
    const answer = await send('DELETE', `/places/${place.id}`, undefined, this.#headers)
    this.#record('place', 'remove', place.id, null, answer, 204)
  }

  async #editAccount(member: Member): Promise<void> {
    const draft = { email: `m${member.id}.${++serial}@example.net`, name: inventName(serial) }
    const answer = await this.#visit.send('PUT', '/account', draft, this.#headers)
    this.#record('account', 'edit', member.id, draft, answer, 200)
    if (answer.status === 200) member.email = draft.email
  }

  #record(
    entity: 'place' | 'account',
    operation: string,
    key: number | null,
    state: Record<string, unknown> | PlaceDraft | null,
    answer: Answer,
    expected: number,
  ): void {
    const { ledger, stats } = this.#visit
    const acknowledged = answer.status === expected
    stats.requests++
    ledger.write({
      entity,
      key,
      operation,
      state: state as Record<string, unknown> | null,
      sent: answer.sent,
      answered: answer.answered,
      outcome: acknowledged ? 'acknowledged' : 'unknown',
    })
    if (acknowledged) {
      stats.writes.push({ answered: answer.answered, ms: answer.answered - answer.sent })
    } else {
      stats.unknown++
      this.#complain(`${operation} ${entity}`, answer)
    }
  }

  #complain(what: string, { status, body, failure }: Answer): void {
    const said = (body as { error?: unknown } | null)?.error
    this.#visit.stats.error(what, status, failure ?? (typeof said === 'string' ? said : ''))
  }
}

function shows(place: Place, draft: PlaceDraft): boolean {
  return (Object.keys(draft) as (keyof PlaceDraft)[]).every(
    (field) => JSON.stringify(place[field]) === JSON.stringify(draft[field]),
  )
}
