import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { mariadb } from '../../../../test/support/mariadb.ts'
import { postgres } from '../../../../test/support/postgres.ts'
import { configFrom } from '../config.ts'
import { openDatabases } from '../databases.ts'
import { createMembersMove } from '../migration.ts'
import { prepare } from '../prepare.ts'
import { createClient } from './client.ts'
import { walk } from './world.ts'

interface Pair {
  readonly name: string
  missing(): Promise<string | undefined>
  /** The variables that say where the databases are, and what removes them. */
  open(): Promise<{ readonly env: Record<string, string>; close(): Promise<void> }>
}

const PAIRS: readonly Pair[] = [
  {
    name: 'two files',
    missing: async () => undefined,
    async open() {
      const directory = await mkdtemp(join(tmpdir(), 'twinspan-example-'))
      return { env: { DATA_DIRECTORY: directory }, close: () => rm(directory, { recursive: true, force: true }) }
    },
  },
  {
    name: 'MariaDB and PostgreSQL',
    missing: async () => (await mariadb.missing()) ?? (await postgres.missing()),
    async open() {
      const [legacy, target] = [await mariadb.open(), await postgres.open()]
      return {
        env: { LEGACY_URL: legacy.url ?? '', TARGET_URL: target.url ?? '' },
        async close() {
          await legacy.close()
          await target.close()
        },
      }
    },
  },
]

/** What the process itself must do: refuse to start without its secrets, serve, and end when it is told to, with nothing lost. */
export async function startContract(main: URL): Promise<void> {
  const started: ChildProcess[] = []
  const start = (env: Record<string, string>) => {
    const child = spawn(process.execPath, ['--conditions=twinspan-src', fileURLToPath(main)], {
      env: { PATH: process.env['PATH'] ?? '', PORT: '0', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    started.push(child)
    return child
  }

  describe('the process', () => {
    afterEach(() => {
      for (const child of started.splice(0)) child.kill('SIGKILL')
    })

    it('does not start in production without its secret', async () => {
      const child = start({ NODE_ENV: 'production', DATA_DIRECTORY: '/nowhere' })
      let said = ''
      child.stderr.on('data', (chunk) => {
        said += String(chunk)
      })
      expect(await once(child, 'exit')).toEqual([1, null])
      expect(said).toContain('SESSION_SECRET is needed in production')
    })
  })

  for (const { name, missing, open } of PAIRS) {
    const reason = await missing()
    if (reason !== undefined && process.env['CI'] === 'true') throw new Error(`${name}: ${reason}`)
    const skipped = reason === undefined ? '' : ` (skipped: ${reason})`

    describe.skipIf(reason !== undefined)(`the process on ${name}${skipped}`, () => {
      afterEach(() => {
        for (const child of started.splice(0)) child.kill('SIGKILL')
      })

      it('ends at SIGTERM: who asked is answered, what was written is copied, and its lease is given back', async () => {
        const { env, close } = await open()
        const databases = openDatabases(configFrom(env))
        await prepare(databases)
        const before = createMembersMove(databases).migration
        // A machine that is busy is no outage.
        await vi.waitFor(() => before.start(), { timeout: 20_000 })
        await walk(before, 'dual-write')
        await before.stop()

        const child = start(env)
        const [line] = (await once(child.stdout, 'data')) as [Buffer]
        const url = /http:[^\s]+/.exec(line.toString())?.[0] ?? ''
        const exit = once(child, 'exit')
        const { send, login } = createClient(() => url)
        const { cookie } = await login('ann@example.org', 'U*U')
        // Somebody watches the console, which must not keep the process from ending.
        const watching = send('GET', '/twinspan/api/events', undefined, { cookie }).catch(() => {})

        const told: string[] = []
        const write = async (email: string): Promise<boolean> => {
          const reply = await send('POST', '/members', { email, name: 'New' }, { cookie }).catch(() => undefined)
          if (reply?.status === 201) told.push(email)
          return reply !== undefined
        }
        const writers = Array.from({ length: 4 }, async (_, writer) => {
          for (let turn = 0; await write(`w${writer}-${turn}@example.org`); ) turn++
        })
        // Half a request, whose other half comes after the signal.
        const late = half(url, { email: 'late@example.org', name: 'Late' }, cookie ?? '')
        while (told.length < 20) await new Promise((resolve) => setTimeout(resolve, 10))
        child.kill('SIGTERM')
        await Promise.all(writers)
        expect(await late.finish()).toBe(201)
        await watching
        expect(await exit).toEqual([0, null])

        const { migration } = createMembersMove(databases)
        const emails = [...told, 'late@example.org']
        const inLegacy = await databases.legacy.selectFrom('members').select('mail').execute()
        const inTarget = await databases.target.selectFrom('users').select('email').execute()
        expect(emails.filter((email) => !inLegacy.some(({ mail }) => mail === email))).toEqual([])
        expect(emails.filter((email) => !inTarget.some((row) => row.email === email))).toEqual([])
        expect(await migration.sides.legacy.journal.stats()).toMatchObject({ depth: 0, parked: 0 })
        expect(await migration.store.leases()).toEqual([])
        await databases.close()
        await close()
      })
    })
  }
}

/** A request of which the second half is held back. */
function half(url: string, body: unknown, cookie: string): { finish(): Promise<number> } {
  const text = JSON.stringify(body)
  const headers = { cookie, 'content-type': 'application/json', 'content-length': text.length }
  const sent = request(new URL('/members', url), { method: 'POST', agent: false, headers })
  const answered = new Promise<number>((resolve, reject) => {
    sent.on('response', (response) => resolve(response.resume().statusCode ?? 0))
    sent.on('error', reject)
  })
  answered.catch(() => {})
  sent.write(text.slice(0, 10))
  return {
    finish() {
      sent.end(text.slice(10))
      return answered
    },
  }
}
