import { h, quiet } from './dom.js'
import { figure } from './format.js'

const per = (numbers, seconds) => numbers.map((number) => number / seconds)
const failed = ({ reads, errors }) => reads.map((number, at) => (number === 0 ? null : (100 * errors[at]) / number))

/** Each plot: its title, its unit and its lines by side. A new plot is a new row. */
const PLOTS = [
  {
    title: 'Reads per second',
    lines: ({ legacy, target, binMs }) => ({
      legacy: per(legacy.reads, binMs / 1_000),
      target: per(target.reads, binMs / 1_000),
    }),
  },
  { title: 'Failed reads, %', lines: ({ legacy, target }) => ({ legacy: failed(legacy), target: failed(target) }) },
  {
    title: '95 % of the reads within, ms',
    lines: ({ legacy, target }) => ({ legacy: legacy.p95, target: target.p95 }),
  },
  {
    title: 'Writes per second',
    lines: ({ writes, failedWrites, binMs }) => ({
      all: per(writes, binMs / 1_000),
      failed: per(failedWrites, binMs / 1_000),
    }),
  },
  { title: 'Changes waiting for a copy', lines: ({ depth }) => ({ journal: depth }) },
]

/** Lines differ in dashes as well as in colour. */
const LOOK = {
  legacy: { color: '--legacy', dash: [6, 4] },
  target: { color: '--target', dash: [] },
  all: { color: '--ink', dash: [] },
  failed: { color: '--bad', dash: [3, 3] },
  journal: { color: '--accent', dash: [] },
}

/**
 * Draws the last ten minutes. Whoever cannot see a plot is told its newest figures.
 *
 * @param {HTMLElement} place
 */
export function createPlots(place) {
  const drawn = new Map()
  const isDark = matchMedia('(prefers-color-scheme: dark)')
  let library
  let last
  const loading = import('./uplot.js').then(
    (module) => {
      library = module.default
      if (last) update(last)
    },
    // Figures alone are better than nothing.
    () => {},
  )
  isDark.addEventListener('change', () => {
    for (const { plot } of drawn.values()) plot?.destroy()
    drawn.clear()
    place.replaceChildren()
    if (last) update(last)
  })

  function update(observed) {
    last = observed
    for (const { title, lines } of PLOTS) {
      const series = withoutNewest(lines(observed))
      const at = drawn.get(title) ?? begin(title, series)
      const times = Object.values(series)[0].map((_, bin) => (observed.from + bin * observed.binMs) / 1_000)
      const data = [times, ...Object.values(series)]
      if (at.plot !== undefined) at.plot.setData(data)
      else if (library !== undefined) at.plot = draw(library, at.canvas, series, data)
      describe(at, title, series)
    }
  }

  function begin(title, series) {
    const canvas = h('div', { class: 'plot', role: 'img' })
    const keys = Object.keys(series).map((name) => ({ name, value: h('strong', {}) }))
    const caption = h(
      'figcaption',
      {},
      h('span', { class: 'title' }, title),
      keys.map(({ name, value }) =>
        h('span', { class: `key ${name}` }, h('span', { class: 'line', 'aria-hidden': 'true' }), ` ${name} `, value),
      ),
    )
    const at = { canvas, keys, plot: undefined }
    place.append(h('figure', {}, caption, canvas))
    drawn.set(title, at)
    new ResizeObserver(() => at.plot?.setSize(sizeOf(canvas))).observe(canvas)
    return at
  }

  return {
    loading,
    update(observed) {
      if (observed === null) place.replaceChildren(quiet('Nothing is recorded here.'))
      else update(observed)
    },
  }
}

/** The newest stretch of time is not over: what happened in it looks like a slump. */
function withoutNewest(series) {
  return Object.fromEntries(Object.entries(series).map(([name, numbers]) => [name, numbers.slice(0, -1)]))
}

function describe({ canvas, keys }, title, series) {
  const told = keys.map(({ name, value }) => {
    const newest = figure(series[name].findLast((number) => number !== null))
    if (value.textContent !== newest) value.textContent = newest
    return `${name} ${newest}`
  })
  canvas.setAttribute('aria-label', `${title}: now ${told.join(', ')}`)
}

function draw(Plot, canvas, series, data) {
  const style = getComputedStyle(document.documentElement)
  const color = (name) => style.getPropertyValue(name).trim()
  const axis = {
    stroke: color('--quiet'),
    grid: { stroke: color('--line'), width: 1 },
    ticks: { show: false },
    font: '12px system-ui, sans-serif',
  }
  return new Plot(
    {
      ...sizeOf(canvas),
      legend: { show: false },
      cursor: { points: { size: 6 }, drag: { setScale: false } },
      scales: { y: { range: (_plot, _min, max) => [0, Math.max(1, (max ?? 0) * 1.15)] } },
      axes: [
        { ...axis, incrs: [60, 120, 300], values: (_plot, ticks) => ticks.map(clock) },
        { ...axis, size: 46, values: (_plot, ticks) => ticks.map(figure) },
      ],
      series: [
        {},
        ...Object.keys(series).map((name) => ({
          label: name,
          stroke: color(LOOK[name].color),
          width: 2,
          dash: LOOK[name].dash,
          spanGaps: false,
          points: { show: name === 'journal', size: 4 },
        })),
      ],
    },
    data,
    canvas,
  )
}

function clock(seconds) {
  return new Date(seconds * 1_000).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
}

function sizeOf(canvas) {
  return { width: Math.max(200, canvas.clientWidth), height: 150 }
}
