/**
 * An element with attributes and children. Texts become text nodes: there is no way from here to markup.
 *
 * @param {string} tag
 * @param {Record<string, string | number | boolean | null>} attributes `true` sets an empty attribute, `false` and `null` none
 * @param {...(Node | string | number | null | (Node | string | number | null)[])} children
 * @returns {HTMLElement}
 */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false && value !== null) element.setAttribute(name, value === true ? '' : String(value))
  }
  for (const child of children.flat()) {
    if (child !== null) element.append(typeof child === 'number' ? String(child) : child)
  }
  return element
}

/** What somebody else wrote. Isolated, so that right-to-left text or its control characters turn nothing around it over. */
export function said(text) {
  return h('bdi', {}, text === '' ? '(empty)' : String(text))
}

const MARKS = { ok: '✓', warn: '▲', bad: '✕', none: '○' }

/** A state as a mark, a word and a colour: any two of them are enough. */
export function chip(level, text) {
  return h('span', { class: `chip ${level}` }, h('span', { 'aria-hidden': 'true' }, MARKS[level]), ' ', text)
}

/** Names and figures. */
export function facts(rows) {
  return h(
    'dl',
    { class: 'facts' },
    rows.filter(Boolean).map(([name, ...value]) => h('div', {}, h('dt', {}, name), h('dd', {}, ...value))),
  )
}

/** A table that scrolls by itself, with keys too, where it is wider than a phone. */
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

export function quiet(...children) {
  return h('p', { class: 'quiet' }, ...children)
}

/** The view of a part that was answered; a line in its place where it was not. */
export function part(asked, view) {
  if (asked.ok) return [view(asked.value)].flat()
  return [h('p', {}, chip('bad', asked.why), ' ', h('small', {}, said(asked.error)))]
}

/** A moment, told as how long ago it was. `keepTime` keeps that true. */
export function moment(at) {
  const date = new Date(at)
  if (Number.isNaN(date.getTime())) return h('span', {}, '–')
  return h('time', { datetime: date.toISOString(), title: date.toLocaleString(), 'data-at': at })
}
