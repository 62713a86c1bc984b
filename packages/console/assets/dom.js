/** @import { Part } from '../src/index.ts' */

/**
 * What an element may be given: texts become text nodes, there is no way from here to markup. What is missing is left out.
 *
 * @typedef {Node | string | number | null | undefined | false} Child
 */

/** @typedef {'ok' | 'warn' | 'bad' | 'none'} Level */

/**
 * An element with attributes and children.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number | boolean | null>} attributes `true` sets an empty attribute, `false` and `null` none
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false && value !== null) element.setAttribute(name, value === true ? '' : String(value))
  }
  for (const child of children.flat()) {
    if (child instanceof Node) element.append(child)
    else if (child !== null && child !== undefined && child !== false) element.append(String(child))
  }
  return element
}

/**
 * An element of the page, which has it.
 *
 * @template {HTMLElement} [Kind=HTMLElement]
 * @param {string} id
 * @param {{ new (): Kind }} [kind]
 * @returns {Kind}
 */
export function byId(id, kind) {
  const found = document.getElementById(id)
  if (found === null || (kind !== undefined && !(found instanceof kind))) throw new Error(`The page has no ${id}.`)
  return /** @type {Kind} */ (found)
}

/**
 * What somebody else wrote. Isolated, so that right-to-left text or its control characters turn nothing around it over.
 *
 * @param {string} text
 */
export function said(text) {
  return h('bdi', {}, text === '' ? '(empty)' : String(text))
}

const MARKS = { ok: '✓', warn: '▲', bad: '✕', none: '○' }

/**
 * A state as a mark, a word and a colour: any two of them are enough.
 *
 * @param {Level} level
 * @param {Child} text
 */
export function chip(level, text) {
  return h('span', { class: `chip ${level}` }, h('span', { 'aria-hidden': 'true' }, MARKS[level]), ' ', text)
}

/**
 * Names and figures.
 *
 * @param {(readonly [string, ...Child[]] | null | undefined | false)[]} rows
 */
export function facts(rows) {
  return h(
    'dl',
    { class: 'facts' },
    rows.flatMap((row) => {
      if (!row) return []
      const [name, ...value] = row
      return [h('div', {}, h('dt', {}, name), h('dd', {}, ...value))]
    }),
  )
}

/**
 * A table that scrolls by itself, with keys too, where it is wider than a phone.
 *
 * @param {string} caption
 * @param {string[]} heads
 * @param {Child[][]} rows
 */
export function table(caption, heads, rows) {
  return h(
    'div',
    { class: 'scroll', tabindex: '0', role: 'group', 'aria-label': caption },
    h(
      'table',
      {},
      h('caption', { class: 'hidden' }, caption),
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          heads.map((head) => h('th', { scope: 'col' }, head)),
        ),
      ),
      h(
        'tbody',
        {},
        rows.map((cells) =>
          h(
            'tr',
            {},
            cells.map((cell) => h('td', {}, cell)),
          ),
        ),
      ),
    ),
  )
}

/** @param {...Child} children */
export function quiet(...children) {
  return h('p', { class: 'quiet' }, ...children)
}

/**
 * The view of a part that was answered; a line in its place where it was not.
 *
 * @template Value
 * @param {Part<Value>} asked
 * @param {(value: Value) => Node | (Node | null)[]} view
 * @returns {Node[]}
 */
export function part(asked, view) {
  if (asked.ok) return [view(asked.value)].flat().filter((node) => node !== null)
  return [h('p', {}, chip('bad', asked.why), ' ', h('small', {}, said(asked.error)))]
}

/**
 * A moment, told as how long ago it was. `keepTime` keeps that true.
 *
 * @param {number} at milliseconds since 1970
 */
export function moment(at) {
  const date = new Date(at)
  if (Number.isNaN(date.getTime())) return h('span', {}, '–')
  return h('time', { datetime: date.toISOString(), title: date.toLocaleString(), 'data-at': at })
}
