import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

export interface Asset {
  readonly type: string
  readonly body: Uint8Array
}

interface Source {
  readonly type: string
  readonly file: () => string
}

const SCRIPT = 'text/javascript; charset=utf-8'
const STYLE = 'text/css; charset=utf-8'

/** Beside `src` and beside `dist` alike. */
const own = (name: string) => () => fileURLToPath(new URL(`../assets/${name}`, import.meta.url))
/** uPlot (MIT) is served from where the package manager put it. */
const require = createRequire(import.meta.url)

/** Every file that a browser may ask for. */
const SOURCES: Readonly<Record<string, Source>> = {
  'index.html': { type: 'text/html; charset=utf-8', file: own('index.html') },
  'console.css': { type: STYLE, file: own('console.css') },
  'console.js': { type: SCRIPT, file: own('console.js') },
  'icon.svg': { type: 'image/svg+xml', file: own('icon.svg') },
  'attention.js': { type: SCRIPT, file: own('attention.js') },
  'dom.js': { type: SCRIPT, file: own('dom.js') },
  'format.js': { type: SCRIPT, file: own('format.js') },
  'sections.js': { type: SCRIPT, file: own('sections.js') },
  'plots.js': { type: SCRIPT, file: own('plots.js') },
  'actions.js': { type: SCRIPT, file: own('actions.js') },
  'uplot.js': { type: SCRIPT, file: () => require.resolve('uplot/dist/uPlot.esm.js') },
  'uplot.css': { type: STYLE, file: () => require.resolve('uplot/dist/uPlot.min.css') },
}

/** Their names. */
export const ASSETS: readonly string[] = Object.keys(SOURCES)

const loaded = new Map<string, Promise<Asset>>()

/** A file of the page by its name; `undefined` for any other name. Read once. */
export function asset(name: string): Promise<Asset> | undefined {
  const source = Object.hasOwn(SOURCES, name) ? SOURCES[name] : undefined
  if (source === undefined) return undefined
  const known = loaded.get(name)
  if (known !== undefined) return known
  const reading = read(source)
  loaded.set(name, reading)
  // Asked for again, it is tried again.
  reading.catch(() => loaded.delete(name))
  return reading
}

async function read({ type, file }: Source): Promise<Asset> {
  return { type, body: await readFile(file()) }
}
