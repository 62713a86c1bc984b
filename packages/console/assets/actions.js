/** @import { ConsoleStatus } from '../src/index.ts' */
import { byId, h } from './dom.js'

/**
 * @typedef {{ migration: string, actions: string[] }} Me
 * @typedef {{ button: string, what: string, danger?: boolean, percent?: string, order?: Record<string, string> }} Offer
 * `order`: what is sent besides the reason and the confirmation. `percent`: the share that is asked for, beginning with this one.
 */

/** @type {Record<string, string>} */
const LEADS = {
  'target-primary':
    'The target takes the writes from then on. Writers wait for milliseconds. Legacy is kept in step, for the way back.',
  complete: 'Legacy refuses every write from then on, and is kept in step no more.',
}

/**
 * What can be done where the migration is: what the button says, and what comes of it. `undefined`: nothing to do.
 *
 * @type {Record<string, (status: ConsoleStatus) => Offer | undefined>}
 */
const OFFERS = {
  kill(status) {
    if (phaseOf(status) !== 'canary' || rolloutOf(status)?.killed) return undefined
    const what = 'Every read goes back to legacy at once, in every process, until somebody re-arms the rollout.'
    return { button: 'Kill the canary', what, danger: true }
  },
  rearm(status) {
    if (!rolloutOf(status)?.killed) return undefined
    return { button: 'Re-arm the canary', what: 'Lifts the kill. The rollout begins again at its first step.' }
  },
  ramp(status) {
    const rollout = rolloutOf(status)
    if (phaseOf(status) !== 'canary' || rollout?.killed) return undefined
    const now = rollout?.stands ? rollout.percent : '0'
    return {
      button: 'Change the share',
      what: `${now} % of the users read from target now. Who is in at a lower share stays in.`,
      percent: now,
      // What was stored for an earlier canary counts for nothing, and is overruled.
      order: rollout?.stands ? { from: now } : {},
    }
  },
  rollback(status) {
    const before = neighbour(status, -1)
    if (before === undefined) return undefined
    const after = phaseOf(status) === 'target-primary' ? ' Legacy takes the writes again, with nothing lost.' : ''
    return { button: `Go back to ${before}`, what: `The migration goes one phase back.${after}`, danger: true }
  },
  advance(status) {
    const next = neighbour(status, 1)
    if (next === undefined) return undefined
    const what = LEADS[next] ?? 'The migration goes one phase ahead, once every process works by the present one.'
    return { button: `Advance to ${next}`, what, order: { to: next } }
  },
}

/** @param {ConsoleStatus} status */
function phaseOf({ position }) {
  return position.ok ? position.value.phase : undefined
}

/** @param {ConsoleStatus} status */
function rolloutOf({ rollout }) {
  return rollout.ok ? rollout.value : null
}

/**
 * @param {ConsoleStatus} status
 * @param {number} step
 */
function neighbour({ road, position }, step) {
  return position.ok ? road[road.indexOf(position.value.phase) + step] : undefined
}

/**
 * The buttons, and the dialog that each of them opens: it asks for a reason and for the migration's name.
 *
 * @param {Me} me
 */
export function createActions({ migration, actions }) {
  const dialog = byId('confirm', HTMLDialogElement)
  const form = byId('confirm-form', HTMLFormElement)
  const go = byId('confirm-go', HTMLButtonElement)
  const [reason, typed] = [byId('confirm-reason', HTMLInputElement), byId('confirm-name', HTMLInputElement)]
  const percent = byId('confirm-percent', HTMLInputElement)
  const [error, done] = [byId('confirm-error'), byId('done')]
  /** @type {{ name: string, offer: Offer } | undefined} */
  let asked
  let shown = ''

  function isConfirmed() {
    const isShare = asked?.offer.percent === undefined || /^\d{1,3}(\.\d+)?$/.test(percent.value.trim())
    return reason.value.trim() !== '' && typed.value === migration && isShare
  }

  /**
   * @param {string} name
   * @param {Offer} offer
   */
  function open(name, offer) {
    asked = { name, offer }
    byId('confirm-title').textContent = offer.button
    byId('confirm-what').textContent = offer.what
    byId('confirm-expected').textContent = migration
    go.textContent = offer.button
    go.className = offer.danger ? 'danger' : 'go'
    error.textContent = ''
    done.textContent = ''
    form.reset()
    byId('confirm-share').hidden = offer.percent === undefined
    percent.value = offer.percent ?? ''
    go.disabled = true
    dialog.showModal()
    const first = offer.percent === undefined ? reason : percent
    first.focus()
    first.select()
  }

  async function send() {
    if (asked === undefined || !isConfirmed()) return
    go.disabled = true
    error.textContent = ''
    const { name, offer } = asked
    const share = offer.percent === undefined ? {} : { percent: percent.value.trim() }
    const order = { ...offer.order, ...share, reason: reason.value, confirm: typed.value }
    try {
      const answer = await fetch(`api/actions/${name}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-twinspan-console': '1' },
        body: JSON.stringify(order),
      })
      if (answer.ok) {
        dialog.close()
        done.textContent = `Done: ${offer.button}.`
      } else {
        error.textContent = String((await answer.json()).text)
      }
    } catch {
      error.textContent = 'Nobody answered. Look at the audit trail before you try again.'
    }
    go.disabled = !isConfirmed()
  }

  form.addEventListener('input', () => {
    go.disabled = !isConfirmed()
  })
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void send()
  })
  byId('confirm-cancel').addEventListener('click', () => dialog.close())

  return {
    /**
     * Shows the buttons that make sense where the migration is.
     *
     * @param {ConsoleStatus} status
     */
    update(status) {
      const offers = actions.flatMap((name) => {
        const offer = OFFERS[name]?.(status)
        return offer === undefined ? [] : [{ name, offer }]
      })
      const key = JSON.stringify(offers)
      if (key === shown) return
      shown = key
      byId('buttons').replaceChildren(
        ...offers.map(({ name, offer }) => {
          const look = offer.danger ? 'danger' : name === 'advance' ? 'go' : ''
          const button = h('button', { type: 'button', class: look }, offer.button)
          button.addEventListener('click', () => open(name, offer))
          return button
        }),
      )
      byId('actions').hidden = offers.length === 0
    },
  }
}
