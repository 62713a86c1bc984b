import { execFileSync, spawn } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

/** A PostgreSQL server of one's own, which may be stopped and started without harm to anybody. */
export interface Cluster {
  readonly url: string
  readonly port: number
  /** Of the server itself, which makes the connections. */
  readonly pid: number
  /** Ends the server and removes what it has written. */
  close(): Promise<void>
}

/** @throws when this machine has no `initdb` */
export async function openCluster(): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), 'twinspan-cluster-'))
  const user = serverUser()
  if (user !== undefined) chownSync(folder, user.uid, user.gid)
  const data = join(folder, 'data')
  const env = { ...process.env, PATH: [process.env['PATH'], ...debianFolders()].join(delimiter) }
  const options = { ...user, cwd: folder, env, stdio: 'ignore' } as const
  execFileSync('initdb', ['-D', data, '-U', 'postgres', '-A', 'trust', '-N', '-E', 'UTF8'], options)
  const port = await freePort()
  const settings = {
    port,
    max_connections: 300,
    fsync: 'off',
    unix_socket_directories: '',
    listen_addresses: '127.0.0.1',
  }
  const set = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const server = spawn('postgres', ['-D', data, ...set], options)
  const ended = new Promise((resolve) => server.once('exit', resolve))
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    port,
    pid: server.pid ?? 0,
    async close() {
      // One that stands still would not hear of its end.
      server.kill('SIGCONT')
      server.kill('SIGQUIT')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** PostgreSQL refuses to run as root. */
function serverUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

/** Where Debian keeps the programs of each version, which are not on anybody's path. */
function debianFolders(): readonly string[] {
  const root = '/usr/lib/postgresql'
  return existsSync(root) ? readdirSync(root).map((version) => join(root, version, 'bin')) : []
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
