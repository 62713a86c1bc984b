import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

export interface TcpProxy {
  readonly port: number
  /** From now on nothing comes through, and nobody is told. */
  hang(): void
  /** From now on everything takes so much longer, each way. */
  slow(latencyMs: number): void
  /** Throws everybody out, and lets nobody in. */
  refuse(): void
  /** Ends `hang`, `slow` and `refuse`. What was held back goes on its way. */
  heal(): void
  /** Cuts every connection. */
  cut(): void
  /** Resets every connection, in the middle of an answer where one comes within `patienceMs`. */
  reset(patienceMs?: number): void
  close(): Promise<void>
}

/** One direction of a connection. */
interface Flow {
  readonly from: Socket
  /** Lets half of what comes next through, and then nothing any more. */
  breakOff(): void
}

/** A TCP proxy in front of a server, to take the server away. */
export async function openProxy(target: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
  const flows = new Set<Flow>()
  const state = { hung: false, refusing: false, latencyMs: 0 }
  const server = createServer((client) => {
    const upstream = connect(target.port, target.host)
    const broken = (): void => {
      client.resetAndDestroy()
      upstream.resetAndDestroy()
    }
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      const flow = createFlow(from, to, state, broken)
      flows.add(flow)
      from.on('close', () => flows.delete(flow))
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo

  const throwOut = (): void => {
    for (const { from } of flows) from.destroy()
  }
  return {
    port,
    hang() {
      state.hung = true
      for (const { from } of flows) from.pause()
    },
    slow(latencyMs) {
      state.latencyMs = latencyMs
    },
    refuse() {
      state.refusing = true
      server.close()
      throwOut()
    },
    heal() {
      state.hung = false
      state.latencyMs = 0
      for (const { from } of flows) from.resume()
      if (!state.refusing) return
      state.refusing = false
      void listenAgain(server, port, () => !state.refusing)
    },
    cut: throwOut,
    reset(patienceMs = 100) {
      const under = [...flows]
      for (const flow of under) flow.breakOff()
      setTimeout(() => {
        for (const { from } of under) from.resetAndDestroy()
      }, patienceMs)
    },
    async close() {
      state.refusing = true
      throwOut()
      if (server.listening) await new Promise((resolve) => server.close(resolve))
    },
  }
}

function createFlow(
  from: Socket,
  to: Socket,
  state: { readonly hung: boolean; readonly latencyMs: number },
  broken: () => void,
): Flow {
  const delayed: { readonly due: number; readonly send: () => void }[] = []
  let breaking = false
  const pump = (): void => {
    while (delayed[0] !== undefined && delayed[0].due <= performance.now()) delayed.shift()?.send()
    if (delayed[0] !== undefined) setTimeout(pump, Math.ceil(delayed[0].due - performance.now()))
  }
  /** After all that came before, however much longer that took. */
  const send = (deliver: () => void): void => {
    if (state.latencyMs === 0 && delayed.length === 0) deliver()
    else if (delayed.push({ due: performance.now() + state.latencyMs, send: deliver }) === 1) {
      setTimeout(pump, state.latencyMs)
    }
  }
  from.on('data', (data: Buffer) =>
    send(() => {
      if (!breaking) to.write(data)
      else to.write(data.subarray(0, data.length >> 1), broken)
    }),
  )
  from.on('error', () => {})
  from.on('close', () => send(() => to.destroy()))
  if (state.hung) from.pause()
  return {
    from,
    breakOff() {
      breaking = true
    },
  }
}

/** The port may have been taken for somebody's outgoing connection meanwhile, and be free again in a moment. */
async function listenAgain(server: Server, port: number, wanted: () => boolean): Promise<void> {
  while (wanted()) {
    const listening = await new Promise<boolean>((resolve) => {
      const failed = (): void => resolve(false)
      server.once('error', failed)
      server.listen(port, '127.0.0.1', () => {
        server.off('error', failed)
        resolve(true)
      })
    })
    if (listening) return
    await wait(50)
  }
}
