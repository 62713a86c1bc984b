// A network of a process's own between a client and a server: run by `openNetwork`, never by hand.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** Where a server listens: a path, or a port of a host. */
export type Endpoint = { readonly path: string } | { readonly host: string; readonly port: number }

export interface Weather {
  /** How long what a client sends is under way; the answer comes back at once. */
  readonly delayMs: number
  /** Connections are cut and refused. */
  readonly gone?: boolean
}

export interface Network {
  readonly host: string
  readonly port: number
  set(weather: Weather): Promise<void>
  close(): void
}

export async function openNetwork(server: Endpoint, weather: Weather = { delayMs: 0 }): Promise<Network> {
  const child = fork(import.meta.filename, [JSON.stringify(server)], { stdio: 'inherit' })
  const [port] = (await once(child, 'message')) as [number]
  const network: Network = {
    host: '127.0.0.1',
    port,
    async set(next) {
      child.send(next)
      await once(child, 'message')
    },
    close: () => void child.kill(),
  }
  await network.set(weather)
  return network
}

function serve(server: Endpoint, parent: NodeJS.Process | ChildProcess): void {
  let weather: Weather = { delayMs: 0 }
  const sockets = new Set<Socket>()
  const listener = createServer({ noDelay: true }, (client) => {
    if (weather.gone === true) return client.destroy()
    const upstream = connect(server)
    upstream.setNoDelay(true)
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from)
      from.on('error', () => {})
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
    }
    upstream.on('data', (data) => client.write(data))
    // Timers of one length fire in the order in which they were set.
    client.on('data', (data) => {
      if (weather.delayMs === 0) upstream.write(data)
      else setTimeout(() => upstream.write(data), weather.delayMs)
    })
    return undefined
  })
  parent.on('message', (next: Weather) => {
    weather = next
    if (weather.gone === true) for (const socket of sockets) socket.destroy()
    parent.send?.('set')
  })
  parent.on('disconnect', () => process.exit())
  listener.listen(0, '127.0.0.1', () => {
    const address = listener.address()
    if (typeof address === 'object' && address !== null) parent.send?.(address.port)
  })
}

if (process.argv[1] === import.meta.filename && process.send !== undefined) {
  serve(JSON.parse(process.argv[2] ?? '') as Endpoint, process)
}
