import { readdirSync, readFileSync } from 'node:fs'
import { createConnection, type RowDataPacket } from 'mysql2/promise'
import { secondsOf } from '../cpu.ts'

export interface ServerWatch {
  /** Ends the watch. Seconds of processor time that the servers of this machine spent on behalf of the databases. */
  stop(): Promise<number>
}

const LOOK_MS = 100

/**
 * Counts the processor time of the sessions of some databases, so that nobody else's work is in it. What a session did after
 * the last look at it is lost, as is what the server does for all of them at once.
 */
export async function watchServers(urls: readonly string[]): Promise<ServerWatch> {
  const names = urls.map((url) => new URL(url).pathname.slice(1))
  const mysql = urls.find((url) => url.startsWith('mysql:'))
  const asker = mysql === undefined ? undefined : await createConnection({ uri: mysql })
  const server = asker === undefined ? undefined : pidOf('mariadbd')
  const last = new Map<string, number>()
  const old = new Map<string, number>()

  function note(path: string): void {
    try {
      const seconds = secondsOf(readFileSync(path, 'utf8'))
      last.set(path, seconds)
    } catch {
      // It ended meanwhile.
    }
  }

  async function look(): Promise<void> {
    for (const pid of readdirSync('/proc')) {
      if (/^\d+$/.test(pid) && belongs(pid, names)) note(`/proc/${pid}/stat`)
    }
    if (asker === undefined || server === undefined) return
    const [sessions] = await asker.query<RowDataPacket[]>(
      'select tid from information_schema.processlist where db in (?)',
      [names],
    )
    for (const { tid } of sessions) {
      const path = `/proc/${server}/task/${tid}/stat`
      note(path)
      // A thread may have served somebody else before: what it did until it was first seen here is not counted.
      if (!old.has(path)) old.set(path, last.get(path) ?? 0)
    }
  }

  await look()
  // What came before; sessions of PostgreSQL that begin later begin at nothing.
  for (const [path, seconds] of last) old.set(path, seconds)
  let looking = Promise.resolve()
  const timer = setInterval(() => {
    looking = looking.then(look).catch(() => {})
  }, LOOK_MS)
  return {
    async stop() {
      clearInterval(timer)
      await looking
      await look()
      await asker?.end()
      let sum = 0
      for (const [path, seconds] of last) sum += seconds - (old.get(path) ?? 0)
      return sum
    },
  }
}

function belongs(pid: string, names: readonly string[]): boolean {
  try {
    const title = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    return title.startsWith('postgres:') && names.some((name) => title.includes(` ${name} `))
  } catch {
    return false
  }
}

function pidOf(name: string): string | undefined {
  return readdirSync('/proc').find((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === name
    } catch {
      return false
    }
  })
}
