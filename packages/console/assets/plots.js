/** @import uPlot from 'uplot' */
/** @import { Observed, SideSeries } from '../src/index.ts' */
import { h, quiet } from './dom.js'
import { figure } from './format.js'

/** @typedef {Record<string, readonly (number | null)[]>} Series */
/** @typedef {{ figure: HTMLElement, canvas: HTMLElement, keys: { name: string, value: HTMLElement }[], plot: uPlot | undefined }} Drawn */

/** @type {(numbers: readonly number[], seconds: number) => number[]} */
const per = (numbers, seconds) => numbers.map((number) => number / seconds)
/** @type {(side: SideSeries) => (number | null)[]} */
const failed = ({ reads, errors }) =>
  reads.map((number, at) => (number === 0 ? null : (100 * (errors[at] ?? 0)) / number))

const NO_READS = 'Measured from shadow on.'

/** What is older is no figure of now. */
const NEWEST_BINS = 6

/**
 * Each plot: its title, its unit and its lines by side. A new plot is a new row.
 *
 * `empty`: what is said where there is nothing to draw.
 *
 * @type {{ title: string, empty?: string, lines: (observed: Observed) => Series }[]}
 */
const PLOTS = [
  {
    title: 'Reads per second',
    empty: NO_READS,
    lines: ({ legacy, target, binMs }) => ({
      legacy: per(legacy.reads, binMs / 1_000),
      target: per(target.reads, binMs / 1_000),
    }),
  },
  {
    title: 'Failed reads, %',
    empty: NO_READS,
    lines: ({ legacy, target }) => ({ legacy: failed(legacy), target: failed(target) }),
  },
  {
    title: '95 % of the reads within, ms',
    empty: NO_READS,
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

/** @typedef {{ color: string, dash: number[] }} Look */

/** @type {Look} */
const PLAIN = { color: '--accent', dash: [] }

/**
 * Lines differ in dashes as well as in colour.
 *
 * @type {Record<string, Look>}
 */
const LOOK = {
  legacy: { color: '--legacy', dash: [6, 4] },
  target: { color: '--target', dash: [] },
  all: { color: '--ink', dash: [] },
  failed: { color: '--bad', dash: [3, 3] },
}

/**
 * Draws the last ten minutes. Whoever cannot see a plot is told its newest figures.
 *
 * @param {HTMLElement} place
 */
export function createPlots(place) {
  /** @type {Map<string, Drawn>} */
  const drawn = new Map()
  const isDark = matchMedia('(prefers-color-scheme: dark)')
  /** @type {typeof uPlot | undefined} */
  let library
  /** @type {Observed | undefined} */
  let last
  // @ts-expect-error The server has it from uPlot's own package.
  const loading = import('./uplot.js').then(
    /** @param {{ default: typeof uPlot }} module */
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

  /** @param {Observed} observed */
  function update(observed) {
    last = observed
    const isRead = [...observed.legacy.reads, ...observed.target.reads].some((reads) => reads > 0)
    for (const { title, empty, lines } of PLOTS) {
      const series = withoutNewest(lines(observed))
      const at = drawn.get(title) ?? begin(title, series, empty)
      const bins = Object.values(series)[0]?.length ?? 0
      const times = Array.from({ length: bins }, (_, bin) => (observed.from + bin * observed.binMs) / 1_000)
      const data = /** @type {uPlot.AlignedData} */ ([times, ...Object.values(series)])
      if (at.plot !== undefined) at.plot.setData(data)
      else if (library !== undefined) at.plot = draw(library, at.canvas, series, data)
      at.figure.classList.toggle('empty', empty !== undefined && !isRead)
      describe(at, title, series)
    }
  }

  /**
   * @param {string} title
   * @param {Series} series
   * @param {string} [empty]
   */
  function begin(title, series, empty = '') {
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
    /** @type {Drawn} */
    const at = {
      figure: h('figure', {}, caption, canvas, h('p', { class: 'quiet nothing' }, empty)),
      canvas,
      keys,
      plot: undefined,
    }
    place.append(at.figure)
    drawn.set(title, at)
    new ResizeObserver(() => at.plot?.setSize(sizeOf(canvas))).observe(canvas)
    return at
  }

  return {
    loading,
    /** @param {Observed | null} observed */
    update(observed) {
      if (observed === null) place.replaceChildren(quiet('Nothing is recorded here.'))
      else update(observed)
    },
  }
}

/**
 * The newest stretch of time is not over: what happened in it looks like a slump.
 *
 * @param {Series} series
 * @returns {Series}
 */
function withoutNewest(series) {
  return Object.fromEntries(Object.entries(series).map(([name, numbers]) => [name, numbers.slice(0, -1)]))
}

/**
 * @param {Drawn} drawn
 * @param {string} title
 * @param {Series} series
 */
function describe({ canvas, keys }, title, series) {
  const told = keys.map(({ name, value }) => {
    const newest = figure(series[name]?.slice(-NEWEST_BINS).findLast((number) => number !== null))
    if (value.textContent !== newest) value.textContent = newest
    return `${name} ${newest}`
  })
  canvas.setAttribute('aria-label', `${title}: now ${told.join(', ')}`)
}

/**
 * @param {typeof uPlot} Plot
 * @param {HTMLElement} canvas
 * @param {Series} series
 * @param {uPlot.AlignedData} data
 */
function draw(Plot, canvas, series, data) {
  const style = getComputedStyle(document.documentElement)
  /** @param {string} name */
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
        { ...axis, size: 28, incrs: [60, 120, 300], values: (_plot, ticks) => ticks.map(clock) },
        { ...axis, size: 46, values: (_plot, ticks) => ticks.map(figure) },
      ],
      series: [
        {},
        ...Object.keys(series).map((name) => ({
          label: name,
          stroke: color((LOOK[name] ?? PLAIN).color),
          width: 2,
          dash: (LOOK[name] ?? PLAIN).dash,
          spanGaps: false,
          points: { show: name === 'journal', size: 4 },
        })),
      ],
    },
    data,
    canvas,
  )
}

/** @param {number} seconds */
function clock(seconds) {
  return new Date(seconds * 1_000).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
}

/** @param {HTMLElement} canvas */
function sizeOf(canvas) {
  return { width: Math.max(200, canvas.clientWidth), height: 150 }
}
