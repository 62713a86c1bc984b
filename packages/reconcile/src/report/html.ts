import type { SweepRecord } from '@twinspan/core'
import type { Finding } from '../drift/finding.ts'
import { describePattern } from '../drift/patterns.ts'
import { outcomeOf } from './exit-status.ts'
import { remarksOn, sweepFigures, verdictOf } from './table.ts'

/** Findings that a page shows; the rest is in the lines. */
const MOST_SHOWN = 500

/**
 * A sweep's report as one page that needs nothing else: no script, no font, no address. What a store holds is shown as text
 * only.
 */
export function sweepHtml(record: SweepRecord, findings: readonly Finding[] = []): string {
  const outcome = outcomeOf(record)
  const title = `${record.entity}: ${verdictOf(record)}`
  const patterns = record.patterns ?? []
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<p class="kicker">Reconciliation</p>
<h1>${escaped(record.entity)}</h1>
<p class="verdict ${outcome}">${escaped(verdictOf(record))}</p>
<dl>${sweepFigures(record)
    .map(([label, value]) => `<div><dt>${escaped(label)}</dt><dd>${escaped(value)}</dd></div>`)
    .join('')}</dl>
${plot(record)}
${section(
  'How it was compared',
  remarksOn(record).map((remark) => `<li>${escaped(remark)}</li>`),
  (items) => `<ul>${items}</ul>`,
)}
${section(
  'What they have in common',
  patterns.map((pattern) => `<li>${escaped(describePattern(pattern))}</li>`),
  (items) => `<ul>${items}</ul>`,
)}
${section(
  // Whoever has too many to keep hands out some; the record knows how many there are.
  findings.length > MOST_SHOWN
    ? `The first ${MOST_SHOWN} of ${Math.max(findings.length, record.drift)} findings`
    : 'Findings',
  findings.slice(0, MOST_SHOWN).map(row),
  (rows) =>
    `<div class="scroll"><table><thead><tr><th>Key</th><th>Reason</th><th>Fields</th></tr></thead><tbody>${rows}</tbody></table></div>`,
)}
</main>
</body>
</html>
`
}

function section(heading: string, items: readonly string[], wrap: (items: string) => string): string {
  return items.length === 0 ? '' : `<section><h2>${escaped(heading)}</h2>${wrap(items.join(''))}</section>`
}

function row({ subject, key, reason, fields, values }: Finding): string {
  const named = fields.map(({ name, reason: why }) => {
    const value = values?.[name]
    const shown = value === undefined ? '' : `: ${show(value.expected)} ≠ ${show(value.actual)}`
    return `${name} (${why})${shown}`
  })
  const who = key === undefined ? subject : show(key)
  return `<tr><td><code>${escaped(who)}</code></td><td>${escaped(reason)}</td><td>${escaped(named.join(', '))}</td></tr>`
}

/** Where in the order of the keys the drift lies, from the first key on the left to the last on the right. */
function plot({ places = [], drift, rows }: SweepRecord): string {
  if (drift === 0 || places.length === 0) return ''
  const [width, height] = [600, 90]
  const most = Math.max(...places)
  const step = width / places.length
  const bars = places.map((count, at) => {
    if (count === 0) return ''
    const tall = Math.max(2, (count / most) * (height - 4))
    const box = `x="${(at * step).toFixed(2)}" y="${(height - tall).toFixed(2)}" width="${Math.max(1, step - 0.5).toFixed(2)}" height="${tall.toFixed(2)}"`
    return `<rect ${box}><title>${count}</title></rect>`
  })
  const about = `${drift} keys that drifted among ${rows} rows, in the order of the keys; at most ${most} in one hundredth.`
  return `<section><h2>Where the drift lies</h2><figure><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(about)}" preserveAspectRatio="none">${bars.join('')}</svg><figcaption><span>first key</span><span>last key</span></figcaption></figure></section>`
}

function show(value: unknown): string {
  if (value instanceof Date) return value.toISOString()
  const text =
    typeof value === 'object' && value !== null
      ? JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? String(part) : part))
      : String(value)
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? character)
}

const STYLE = `
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --line: #d9dee5; --paper: #fff; --good: #176b3a; --bad: #a11a1a; --doubt: #8a5a00; --bar: #a11a1a }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --soft: #9aa6b5; --line: #323b47; --paper: #14181e; --good: #6fd196; --bad: #ff8f8f; --doubt: #f0c060; --bar: #ff8f8f } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
main { max-width: 52rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem }
.kicker { margin: 0; color: var(--soft); text-transform: uppercase; letter-spacing: .08em; font-size: .75rem }
h1 { margin: 0 0 .25rem; font-size: 2rem; overflow-wrap: anywhere }
h2 { font-size: 1.05rem; margin: 2.5rem 0 .75rem }
.verdict { margin: 0 0 1.5rem; font-size: 1.15rem; font-weight: 600 }
.equal { color: var(--good) } .drift { color: var(--bad) } .undecided { color: var(--doubt) }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: 1px; margin: 0 }
dl div { box-shadow: 0 0 0 1px var(--line); padding: .7rem .9rem }
dt { color: var(--soft); font-size: .8rem } dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere }
figure { margin: 0 } svg { display: block; width: 100%; height: 90px; border-bottom: 1px solid var(--line) } rect { fill: var(--bar) }
figcaption { display: flex; justify-content: space-between; color: var(--soft); font-size: .8rem; padding-top: .25rem }
.scroll { overflow-x: auto } table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .4rem .75rem .4rem 0; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere }
th { color: var(--soft); font-weight: 500; font-size: .85rem }
code { font: .85em ui-monospace, monospace }`
