import { existsSync } from 'node:fs'
import axe, { type AxeResults } from 'axe-core'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type By, consoleHandler } from '../src/index.ts'
import { busyMinutes, furnish, PLAN } from './furnish.ts'
import { createWorld, type Served, serve, type World } from './world.ts'

const PROGRAM = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
const isThere = existsSync(PROGRAM)
const HOSTILE = '<img src=x onerror="document.title=\'pwned\'">'
const TURNED = '\u202Eevil\u2066'
const LONG = 'w'.repeat(1_000_000)
const PHONE = { width: 360, height: 740 }

describe.skipIf(!isThere)(`the page${isThere ? '' : ` (skipped: there is no ${PROGRAM})`}`, () => {
  let browser: Browser
  let world: World
  let served: Served
  let backMs = 0
  const done: (By & { readonly action: string })[] = []
  const errors: string[] = []
  const asked = new Set<string>()

  async function open(options: BrowserContextOptions & { readonly user?: string } = {}): Promise<Page> {
    const { user = 'ann', ...rest } = options
    const context = await browser.newContext({ extraHTTPHeaders: { 'x-user': user }, ...rest })
    const page = await context.newPage()
    page.on('pageerror', ({ message }) => errors.push(message))
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()))
    page.on('request', (request) => asked.add(new URL(request.url()).origin))
    await page.goto(`${served.origin}/`)
    await page.locator('html[data-live=yes]').waitFor()
    return page
  }

  beforeAll(async () => {
    world = await createWorld({ now: () => Date.now() - backMs })
    const { migration } = world
    const note = (action: string) => async (by: By) => void done.push({ action, ...by })
    served = await serve(
      consoleHandler(migration, {
        authorize: ({ headers }) => ({ actor: String(headers['x-user']), mayAct: headers['x-user'] === 'ann' }),
        actions: {
          enabled: true,
          kill: note('kill'),
          async ramp({ percent, actor, reason }) {
            const { value } = (await migration.store.getDocument('rollout')) ?? { value: null }
            await migration.store.putDocument('rollout', { ...(value as object), percent })
            done.push({ action: 'ramp', actor, reason })
          },
          rollback: note('rollback'),
          advance: note('advance'),
        },
        plan: async () => PLAN,
        refreshMs: 200,
        timeoutMs: 500,
      }),
    )
    await furnish(migration)
    busyMinutes(migration, (ms) => {
      backMs = ms
    })
    browser = await chromium.launch({ executablePath: PROGRAM, args: ['--no-sandbox', '--disable-gpu'] })
  })

  afterAll(async () => {
    await browser?.close()
    await served?.close()
    await world?.end()
  })

  it('shows where the migration is and what needs attention', async () => {
    const page = await open()
    await expect.poll(() => page.locator('[aria-current=step] .phase').textContent()).toBe('here: canary')
    expect(await page.getByText('2 records of things differed in the last sweep').count()).toBe(1)
    expect(await page.locator('.huge').textContent()).toBe('5 %')
    expect(await page.locator('.plots canvas').count()).toBe(5)
    await page.context().close()
  })

  it('follows what happens without being loaded again', async () => {
    const page = await open()
    const { migration } = world
    await migration.store.appendAudit({
      ...{ at: migration.now(), epoch: 4, action: 'note', from: '', to: 'said aloud' },
      ...{ actor: 'bob', reason: 'just now' },
    })
    await page.getByText('said aloud').waitFor()
    await page.context().close()
  })

  it('shows what records and people say as text and nothing else', async () => {
    const { store } = world.migration
    const entry = { at: Date.now(), epoch: 4, from: TURNED, to: HOSTILE }
    await store.appendAudit({ ...entry, action: HOSTILE, actor: HOSTILE, reason: LONG })
    const detail = { reason: HOSTILE, fields: [{ name: HOSTILE, reason: TURNED }] }
    await store.saveFindings([
      { kind: HOSTILE, entity: HOSTILE, subject: 'h', detail },
      { kind: 'reconcile', entity: 'things', subject: 'l', detail: { reason: LONG } },
    ])
    const lease = { instance: HOSTILE, epoch: 4, phase: 'canary', host: TURNED, pid: 1, version: LONG } as const
    await store.heartbeat(lease, 600_000)
    const page = await open({ viewport: PHONE })
    await page.locator('[data-part=audit]').getByText(HOSTILE).first().waitFor()
    expect(await page.locator('img').count()).toBe(0)
    expect(await page.title()).toBe('things-move · Twinspan')
    const texts = await page.locator('bdi').allTextContents()
    expect(texts).toContain(TURNED)
    expect(Math.max(...texts.map((text) => text.length))).toBeLessThan(400)
    await page.context().close()
  })

  it.each([
    ['light, wide', { colorScheme: 'light', viewport: { width: 1_280, height: 900 } }],
    ['dark, on a phone', { colorScheme: 'dark', viewport: PHONE }],
  ] as const)('gives axe nothing to complain about: %s', async (_name, options) => {
    const page = await open({ ...options, bypassCSP: true })
    for (const state of ['page', 'dialog']) {
      if (state === 'dialog' && options.colorScheme === 'light') break
      if (state === 'dialog') await page.getByRole('button', { name: 'Kill the canary' }).click()
      expect(await complaints(page)).toEqual([])
    }
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
    await page.context().close()
  })

  it('does by keyboard what somebody confirms, and in his name', async () => {
    const page = await open()
    done.length = 0
    await page.getByRole('button', { name: 'Kill the canary' }).focus()
    await page.keyboard.press('Enter')
    await page.keyboard.type('too many errors')
    await page.keyboard.press('Tab')
    await page.keyboard.type('things-mov')
    await page.keyboard.press('Enter')
    expect(await page.locator('#confirm-go').isDisabled()).toBe(true)
    expect(done).toEqual([])
    await page.keyboard.type('e')
    await page.keyboard.press('Enter')
    await page.getByText('Done: Kill the canary.').waitFor()
    expect(done).toEqual([{ action: 'kill', actor: 'ann', reason: 'too many errors' }])
    await page.context().close()
  })

  it.each(['Go back to shadow', 'Advance to target-primary', 'Change the share'])(
    'has a button for "%s" that Escape gets out of',
    async (name) => {
      const page = await open()
      done.length = 0
      await page.getByRole('button', { name }).click()
      await page.keyboard.press('Escape')
      expect(await page.locator('dialog[open]').count()).toBe(0)
      await page.getByRole('button', { name }).click()
      if (name === 'Change the share') await page.getByLabel('Share of the users, in per cent').fill('25')
      await page.getByLabel('Why?').fill('because')
      await page.getByLabel('Type').fill('things-move')
      await page.locator('#confirm-go').click()
      await page.getByText(`Done: ${name}.`).waitFor()
      expect(done).toHaveLength(1)
      await page.context().close()
    },
  )

  it('has no button for who may only look', async () => {
    const page = await open({ user: 'looker' })
    await page.locator('[data-part=audit] li').first().waitFor()
    expect(await page.getByRole('button').count()).toBe(0)
    await page.context().close()
  })

  it('says that a store which hangs does not answer, and shows the rest', async () => {
    world.break('store', () => new Promise(() => {}))
    const page = await open()
    await page.getByText('The store does not answer.').waitFor()
    expect(await page.locator('[aria-current=step] .phase').textContent()).toBe('here: canary')
    world.break('store', undefined)
    await page.context().close()
  })

  it('has run without an error, and asked nobody but its own server', () => {
    expect(errors).toEqual([])
    expect([...asked]).toEqual([served.origin])
  })
})

/** What axe finds, as one line each. */
async function complaints(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate<AxeResults>('axe.run()')
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 120)}`))
}
