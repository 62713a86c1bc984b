import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export const root: string = join(import.meta.dirname, '..', '..', '..')

const folder = join(root, 'docs', 'operations')

export const file = (name: string): string => join(folder, name)

const read = (name: string): string => readFileSync(file(name), 'utf8')

/** Why Prometheus cannot be had here. */
export function missing(program: 'prometheus' | 'promtool'): string | undefined {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' })
    return undefined
  } catch {
    return `no ${program}`
  }
}

/** The names of the alerts, in the order of the rules. */
export const alerts: readonly string[] = Array.from(
  read('alerts.yaml').matchAll(/- alert: (\w+)/g),
  ([, name = '']) => name,
)

export interface RuleTest {
  readonly name: string
  /** Whether it expects an alert. */
  readonly fires: boolean
}

export const ruleTests: readonly RuleTest[] = read('alerts.test.yaml')
  .split('\n  - name: ')
  .slice(1)
  .map((text) => ({ name: text.split('\n')[0] ?? '', fires: !text.includes('exp_alerts: []') }))

/** The headings of the runbook. */
export const runbook: readonly string[] = Array.from(
  read('runbook.md').matchAll(/^## (Twinspan\w+)$/gm),
  ([, name = '']) => name,
)

export interface Query {
  readonly where: string
  readonly expression: string
}

interface Panel {
  readonly title: string
  readonly targets?: readonly { readonly expr: string }[]
}

interface Dashboard {
  readonly panels: readonly (Panel & { readonly gridPos: Place })[]
  readonly annotations: { readonly list: readonly { readonly name: string; readonly expr: string }[] }
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly query: string | { readonly query: string } }[]
  }
}

interface Place {
  readonly x: number
  readonly y: number
  readonly w: number
  readonly h: number
}

export const dashboard: Dashboard = JSON.parse(read('grafana-dashboard.json')) as Dashboard

/** Every expression of the dashboard. */
export const dashboardQueries: readonly Query[] = [
  ...dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({ where: title, expression: expr })),
  ),
  ...dashboard.annotations.list.map(({ name, expr }) => ({ where: name, expression: expr })),
]

/** Every expression of the rules. */
export const ruleQueries: readonly Query[] = read('alerts.yaml')
  .split('- alert: ')
  .slice(1)
  .map((text) => ({
    where: text.split('\n')[0] ?? '',
    expression: /expr: (?:\|-\n)?([\s\S]*?)\n {8}(?:for|labels):/.exec(text)?.[1] ?? '',
  }))

/** Metrics that the page leaves out on purpose. */
export const leftOut: readonly string[] = Array.from(
  (read('README.md').split('## What is deliberately not on the dashboard')[1] ?? '').matchAll(
    /^\| `(twinspan\.[\w.]+)` \|/gm,
  ),
  ([, name = '']) => name,
)

/** The metrics of the page for people. */
export const documented: readonly string[] = readFileSync(join(root, 'docs', 'telemetry.md'), 'utf8')
  .split('\n')
  .flatMap((line) => {
    const [, cell = ''] = /^\| (`twinspan\.[^|]*) \|/.exec(line) ?? []
    const names = Array.from(cell.matchAll(/`([^`]+)`/g), ([, name = '']) => name)
    const [first = ''] = names
    // `twinspan.reconcile.compared`, `.mismatched`
    return names.map((name) => (name.startsWith('.') ? `${first.slice(0, first.lastIndexOf('.'))}${name}` : name))
  })
