import { existsSync } from 'node:fs'
import axe, { type AxeResults } from 'axe-core'
import { type Browser, chromium, type Page } from 'playwright-core'

const PROGRAM = process.env['CHROMIUM'] ?? '/usr/bin/chromium'

/** Why there is no browser to test with; `undefined` when there is one. */
export const missingBrowser: string | undefined = existsSync(PROGRAM)
  ? undefined
  : `there is no ${PROGRAM}; set CHROMIUM`

export function openBrowser(): Promise<Browser> {
  const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking']
  return chromium.launch({ executablePath: PROGRAM, args: [...args, '--disable-component-update', '--disable-sync'] })
}

/** What axe finds, as one line each. */
export async function complaints(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate<AxeResults>('axe.run()')
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 120)}`))
}

/** Whether nothing sticks out of the page sideways. */
export function fits(page: Page): Promise<boolean> {
  return page.evaluate('document.documentElement.scrollWidth <= innerWidth')
}
