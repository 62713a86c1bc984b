import { h } from './dom.js'

/** What can be done: what the button says, and what comes of it. */
const ACTIONS = {
  kill: () => ({
    button: 'Kill the canary',
    what: 'Every read goes back to legacy at once, in every process, until somebody re-arms the rollout.',
  }),
  rollback: () => ({
    button: 'Roll back one step',
    what: 'The migration goes one phase back. After the switch, writes return to legacy with nothing lost.',
  }),
  advance: (next) =>
    next && { button: `Advance to ${next}`, what: 'The migration goes one phase ahead, if every gate lets it.' },
}

const byId = (id) => document.getElementById(id)

/**
 * The buttons, and the dialog that each of them opens: it asks for a reason and for the migration's name.
 *
 * @param {{ migration: string, actions: string[] }} me
 */
export function createActions({ migration, actions }) {
  const dialog = byId('confirm')
  const form = byId('confirm-form')
  const go = byId('confirm-go')
  const error = byId('confirm-error')
  let asked
  let shown

  function isConfirmed() {
    return form.elements.reason.value.trim() !== '' && form.elements.confirm.value === migration
  }

  function open(name, next) {
    const { button, what } = ACTIONS[name](next)
    asked = { name, next, button }
    byId('confirm-title').textContent = button
    byId('confirm-what').textContent = what
    byId('confirm-expected').textContent = migration
    go.textContent = button
    error.textContent = ''
    form.reset()
    go.disabled = true
    dialog.showModal()
    form.elements.reason.focus()
  }

  async function send() {
    if (!isConfirmed()) return
    go.disabled = true
    error.textContent = ''
    const { name, next, button } = asked
    const order = { reason: form.elements.reason.value, confirm: form.elements.confirm.value, to: next }
    try {
      const answer = await fetch(`api/actions/${name}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-twinspan-console': '1' },
        body: JSON.stringify(order),
      })
      if (answer.ok) {
        dialog.close()
        byId('done').textContent = `Done: ${button}.`
      } else {
        error.textContent = (await answer.json()).text
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
    /** Shows the buttons that make sense where the migration is. */
    update({ road, position }) {
      const next = position.ok ? road[road.indexOf(position.value.phase) + 1] : undefined
      const wanted = actions.filter((name) => ACTIONS[name]?.(next))
      const key = JSON.stringify([wanted, next])
      if (key === shown) return
      shown = key
      byId('buttons').replaceChildren(
        ...wanted.map((name) => {
          const button = h(
            'button',
            { type: 'button', class: name === 'advance' ? '' : 'danger' },
            ACTIONS[name](next).button,
          )
          button.addEventListener('click', () => open(name, next))
          return button
        }),
      )
      byId('actions').hidden = wanted.length === 0
    },
  }
}
