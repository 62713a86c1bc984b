/** @import { ConsoleStatus } from '../src/index.ts' */
import { createActions } from './actions.js'
import { byId } from './dom.js'
import { ago } from './format.js'
import { createPlots } from './plots.js'
import { SECTIONS } from './sections.js'

const live = byId('live')
const name = byId('name')
const plots = createPlots(byId('plots'))
/** @type {Map<string | undefined, HTMLElement>} */
const places = new Map(
  [...document.querySelectorAll('[data-part]')].flatMap((place) =>
    place instanceof HTMLElement ? [[place.dataset['part'], place]] : [],
  ),
)
/** @type {Map<string, string>} */
const drawn = new Map()

/** @type {ReturnType<typeof createActions> | undefined} */
let actions
/** How far this machine's clock is behind the server's. */
let clockMs = 0

/**
 * Draws what has changed and leaves the rest alone, so that focus and selection stay where they are.
 *
 * @param {ConsoleStatus} status
 */
function show(status) {
  clockMs = status.at - Date.now()
  if (name.textContent !== status.migration) {
    name.textContent = status.migration
    document.title = `${status.migration} · Twinspan`
  }
  for (const [part, { of, view }] of Object.entries(SECTIONS)) {
    const facts = JSON.stringify(of(status)) ?? ''
    if (drawn.get(part) === facts) continue
    drawn.set(part, facts)
    places.get(part)?.replaceChildren(...view(status))
  }
  plots.update(status.observed)
  actions?.update(status)
  keepTime()
}

function keepTime() {
  for (const time of document.querySelectorAll('time')) {
    const text = ago(Number(time.dataset['at']), Date.now() + clockMs)
    if (time.textContent !== text) time.textContent = text
  }
}

/**
 * @param {'ok' | 'warn' | 'bad'} state
 * @param {string} text
 */
function say(state, text) {
  if (live.textContent === text) return
  live.className = `live ${state}`
  live.textContent = text
}

/** @type {ConsoleStatus | undefined} */
let newest
const me = fetch('api/me').then((answer) => answer.json())
me.then(
  (who) => {
    actions = createActions(who)
    if (newest) actions.update(newest)
  },
  () => {},
)

const events = new EventSource('api/events')
events.addEventListener('status', ({ data }) => {
  /** @type {ConsoleStatus} */
  const status = JSON.parse(data)
  newest = status
  show(status)
  say('ok', 'Live')
  document.documentElement.dataset['live'] = 'yes'
})
events.addEventListener('error', () => {
  if (events.readyState === EventSource.CLOSED) say('bad', 'Not connected. Reload the page.')
  else setTimeout(() => events.readyState === EventSource.CONNECTING && say('warn', 'Connecting again…'), 5_000)
})
setInterval(keepTime, 1_000)
