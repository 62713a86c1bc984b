/** Metric → label → its values, from the text that an exporter gives Prometheus. */
export type Scrape = ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>>

export function parseScrape(text: string): Scrape {
  const found = new Map<string, Map<string, Set<string>>>()
  for (const [, name = '', labels = ''] of text.matchAll(/^(\w+)(?:\{(.*)\})? \S+(?: \d+)?$/gm)) {
    const known = found.get(name) ?? new Map<string, Set<string>>()
    found.set(name, known)
    for (const [, label = '', value = ''] of labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      known.set(label, (known.get(label) ?? new Set()).add(value))
    }
  }
  return found
}

/** What Prometheus adds to every series that it scrapes. */
const ADDED = ['instance', 'job']

/** What an expression names and no scrape has shown: a metric, a label of it, a value of that. */
export function unknownIn(scrape: Scrape, expression: string): readonly string[] {
  const problems: string[] = []
  for (const [, name = '', matchers = ''] of expression.matchAll(/\b(twinspan_\w+)(?:\{([^}]*)\})?/g)) {
    // As a label, not as a metric: `by (twinspan_migration)`.
    if (name === 'twinspan_migration' || name === 'twinspan_entity') continue
    const labels = scrape.get(name)
    if (labels === undefined) {
      problems.push(name)
      continue
    }
    for (const [, label = '', operator = '', value = ''] of matchers.matchAll(/(\w+)(=~|!~|!=|=)"([^"]*)"/g)) {
      const values = labels.get(label)
      if (values === undefined) problems.push(`${name}{${label}}`)
      else if (value.startsWith('$')) continue
      else if (value.split('|').some((one) => !values.has(one)) && operator.startsWith('=')) {
        problems.push(`${name}{${label}="${value}"}`)
      }
    }
  }
  const metrics = Array.from(expression.matchAll(/\b(twinspan_\w+)/g), ([, name = '']) => scrape.get(name)).filter(
    (labels) => labels !== undefined,
  )
  for (const [, list = ''] of expression.matchAll(/\bby \(([^)]*)\)/g)) {
    for (const label of list.split(',').map((one) => one.trim())) {
      if (!ADDED.includes(label) && !metrics.some((labels) => labels.has(label))) problems.push(`by (${label})`)
    }
  }
  return problems
}
