import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type BackfillProgress, backfill } from '@twinspan/backfill'
import { type ConsoleStatus, consoleHandler } from '@twinspan/console'
import { reconcile } from '@twinspan/reconcile'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Engine } from '../support/engines.ts'
import { mariadb } from '../support/mariadb.ts'
import { pglite } from '../support/pglite.ts'
import { postgres } from '../support/postgres.ts'
import { sqlite } from '../support/sqlite.ts'
import { complaints, fits, missingBrowser, openBrowser } from './browser.ts'
import { HOSTILE, openRoad, type Road } from './road.ts'
import { smallPng } from './small-png.ts'

/** `TWINSPAN_SCREENSHOTS=docs/console`: where pictures of every phase go. Then the road is taken slowly, so that there is something to see. */
const PICTURES = process.env['TWINSPAN_SCREENSHOTS']
/** The first half of the road is taken always, the second in a long run. */
const isLong = process.env['TWINSPAN_LONG'] === '1' || PICTURES !== undefined
const ROWS = PICTURES === undefined ? 2_000 : 10_000
/** For a page that draws what a service that is busy says. */
const PATIENT = { timeout: 30_000 }
/** A difference that two looks have seen. Nobody of the few who write here keeps a row moving for longer. */
const RECHECKS = [100, 500]
const PHONE = { width: 390, height: 844 }

const pairs: readonly (readonly [Engine, Engine])[] = [
  ...(PICTURES === undefined ? ([[sqlite, pglite]] as const) : []),
  ...(isLong ? ([[mariadb, postgres]] as const) : []),
]

async function toTheEnd(work: AsyncIterable<unknown>): Promise<void> {
  for await (const step of work) void step
}

for (const [from, to] of pairs) {
  const missing = missingBrowser ?? (await from.missing()) ?? (await to.missing())
  if (missing !== undefined && missing !== missingBrowser && process.env['CI'] === 'true') throw new Error(missing)
  const name = `the console of a migration from ${from.name} to ${to.name}`

  describe.skipIf(missing !== undefined)(
    `${name}${missing === undefined ? '' : ` (skipped: ${missing})`}`,
    {
      timeout: 600_000,
    },
    () => {
      let browser: Browser
      let road: Road
      let server: Server
      let page: Page
      let copying: AsyncIterableIterator<BackfillProgress>
      const wrong: string[] = []

      async function open(options: BrowserContextOptions = {}): Promise<Page> {
        const context = await browser.newContext({
          viewport: { width: 1_280, height: 900 },
          bypassCSP: true,
          ...options,
        })
        const opened = await context.newPage()
        opened.on('pageerror', ({ message }) => wrong.push(message))
        opened.on('console', (message) => message.type() === 'error' && wrong.push(message.text()))
        await opened.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
        await opened.locator('html[data-live=yes]').waitFor()
        return opened
      }

      /** Looks at a phase for a while: a picture, and nothing that axe, a phone or a hostile record would make of it. */
      async function look(picture: string, at: Page = page): Promise<void> {
        if (PICTURES !== undefined) await sleep(6_000)
        expect(await complaints(at)).toEqual([])
        expect(await fits(at)).toBe(true)
        expect(await at.locator('img').count()).toBe(0)
        expect(await at.title()).toBe('members · Twinspan')
        await snap(picture, at)
      }

      async function snap(picture: string, at: Page): Promise<void> {
        if (PICTURES === undefined) return
        const directory = join(import.meta.dirname, '../..', PICTURES)
        mkdirSync(directory, { recursive: true })
        writeFileSync(join(directory, `${picture}.png`), smallPng(await at.screenshot({ fullPage: true })))
      }

      /** Does what a button of the page offers, as somebody would. */
      async function order(button: string, why: string, share?: string): Promise<void> {
        await page.getByRole('button', { name: button }).click()
        if (share !== undefined) await page.getByLabel('Share of the users, in per cent').fill(share)
        await page.getByLabel('Why?').fill(why)
        await page.getByLabel('Type').fill('members')
        await page.locator('#confirm-go').click()
        await page.locator('#done').getByText(`Done: ${button}.`).waitFor()
      }

      async function advance(to: string, why: string): Promise<void> {
        await order(`Advance to ${to}`, why)
        await page.locator('[aria-current=step] .phase').getByText(`here: ${to}`).waitFor()
      }

      const card = (part: string) => page.locator(`[data-part=${part}]`)
      const status = async (): Promise<ConsoleStatus> =>
        JSON.parse(await page.evaluate<string>("fetch('api/status').then((answer) => answer.text())")) as ConsoleStatus

      beforeAll(async () => {
        road = await openRoad(from, to, ROWS, PICTURES === undefined ? HOSTILE : '2.8.2')
        const { migration, router, cutover } = road
        const handler = consoleHandler(migration, {
          authorize: () => ({ actor: 'ann', mayAct: true }),
          plan: () => cutover.plan(),
          refreshMs: PICTURES === undefined ? 250 : 1_000,
          actions: {
            enabled: true,
            kill: (by) => router.kill(by),
            rearm: (by) => router.rearm(by),
            ramp: (step) => router.setPercent(step.percent, step),
            rollback: (by) => cutover.rollback(by),
            advance: ({ to, ...by }) =>
              to === 'target-primary' || to === 'complete'
                ? cutover.advance({ to, ...by })
                : migration.advance({ to, ...by }),
          },
        })
        server = createServer(handler).listen(0, '127.0.0.1')
        browser = await openBrowser()
        page = await open()
      }, 120_000)

      afterAll(async () => {
        await browser?.close()
        server?.closeAllConnections()
        server?.close()
        await road?.close()
      })

      it('shows a service that has not begun', async () => {
        await card('road').getByText('here: off').waitFor()
        await card('audit').getByText('Nothing has been decided yet.').waitFor()
        await expect.poll(() => card('processes').locator('tbody tr').count(), PATIENT).toBe(2)
        await look('1-off')
      })

      it('shows the capture', async () => {
        await advance('capture', 'every process has the release that captures')
        await expect.poll(() => card('sides').locator('.legacy .big').textContent(), PATIENT).not.toBe('0')
        await look('2-capture')
      })

      it('shows the history on its way, how long it takes and what slows it', async () => {
        await advance('dual-write', 'writes are captured everywhere')
        copying = backfill(road.migration, road.users, { maxChunkRows: ROWS / 20, maxLegacyLoad: 0.05 })
        // What it may take of legacy is used up soon.
        for await (const { throttledBy } of { [Symbol.asyncIterator]: () => ({ next: () => copying.next() }) }) {
          if (throttledBy === 'legacy-load') break
        }
        await card('copies').getByText('backfill under way').waitFor()
        expect(await card('copies').locator('progress').getAttribute('max')).toBe(String(ROWS))
        await card('copies').getByText('Time left').waitFor()
        await card('copies').getByText('legacy-load').waitFor()
        await look('3-dual-write')
        await copying.return?.()
        await toTheEnd(backfill(road.migration, road.users, { maxLegacyLoad: 1 }))
        await card('copies').getByText('backfill done').waitFor()
      })

      it('shows whose passwords have moved and how many remain', async () => {
        await road.logIn()
        await card('logins').getByText('10 logins, 1 refused').waitFor()
        const left = (ROWS / 2 - 5).toLocaleString('en')
        await expect
          .poll(async () => (await card('logins').locator('tbody tr').allTextContents()).toSorted(), PATIENT)
          .toEqual([`bcrypt5${left}`, `phpass5${left}`])
      })

      it.skipIf(!isLong)(
        'shows what comparing has found, by field and never by value, and that it was mended',
        async () => {
          await advance('shadow', 'the history is there')
          await road.spoil()
          await toTheEnd(reconcile.sweep(road.migration, road.users, { recheckMs: RECHECKS }))
          await card('copies').getByText('3 differ').waitFor()
          await card('findings').getByText('points').first().waitFor()
          await card('guard').getByText('compared, differed').waitFor()
          await look('4-shadow')
          expect(JSON.stringify((await status()).findings)).not.toContain('img')
          await toTheEnd(reconcile.sweep(road.migration, road.users, { recheckMs: RECHECKS, repair: true }))
          await toTheEnd(reconcile.sweep(road.migration, road.users, { recheckMs: RECHECKS }))
          await card('copies').getByText('in parity').waitFor()
        },
      )

      it.skipIf(!isLong)('shows the canary with the evidence, and a kill by the guard', async () => {
        await advance('canary', 'nothing differs')
        await order('Change the share', 'first step', '25')
        await card('canary').getByText('25 %').first().waitFor()
        await expect.poll(() => card('guard').locator('meter').count(), PATIENT).toBeGreaterThan(0)
        await look('5-canary')
        const phone = await open({ viewport: PHONE, colorScheme: 'dark' })
        await look('5-canary-phone', phone)
        await phone.context().close()
        const dark = await open({ colorScheme: 'dark' })
        await look('5-canary-dark', dark)
        await dark.context().close()

        road.fault = true
        await card('canary').getByText('Killed by').waitFor({ timeout: 60_000 })
        await card('attention').getByText('The canary was killed by').waitFor()
        await look('6-killed')
        road.fault = false
      })

      it.skipIf(!isLong)('takes everybody back, a step back, and on again', async () => {
        const why = PICTURES === undefined ? HOSTILE : 'the missing index is there'
        await order('Re-arm the canary', why)
        await card('audit').getByText(why).first().waitFor()
        await order('Kill the canary', 'a drill')
        await card('canary').getByText('Killed by').waitFor()
        await order('Re-arm the canary', 'end of the drill')
        await order('Go back to shadow', 'a drill')
        await page.locator('[aria-current=step] .phase').getByText('here: shadow').waitFor()
        await advance('canary', 'end of the drill')
        await order('Change the share', 'a week without a finding', '100')
        await expect.poll(() => card('canary').locator('.huge').textContent(), PATIENT).toBe('100 %')
      })

      it.skipIf(!isLong)('shows the gates, and the target as the primary', async () => {
        await road.mirror.drain({ budgetMs: 3_000 })
        await toTheEnd(reconcile.sweep(road.migration, road.users, { recheckMs: RECHECKS }))
        await expect.poll(() => card('plan').getByText('Every gate is open').count(), PATIENT).toBe(1)
        await snap('7-gates', page)
        await advance('target-primary', 'every gate is open')
        await card('sides').locator('.target').getByText('primary: takes the writes').waitFor()
        await look('8-target-primary')
      })

      it.skipIf(!isLong)('shows legacy frozen', async () => {
        await road.mirror.drain({ budgetMs: 3_000 })
        await toTheEnd(reconcile.sweep(road.migration, road.users, { recheckMs: RECHECKS }))
        await advance('complete', 'a month without a rollback')
        await card('plan').getByText('on the way to').waitFor()
        await look('9-complete')
      })

      it('has disturbed nobody: every read and write of the service was answered, and the page ran without an error', () => {
        expect(road.errors).toEqual([])
        expect(road.done).toBeGreaterThan(20)
        expect(wrong).toEqual([])
      })
    },
  )
}
