import { createServer, type Server, type Socket } from 'node:net'
import type { PGlite } from '@electric-sql/pglite'

const SSL_REQUEST = 80_877_103
const CANCEL_REQUEST = 80_877_102
const READY_FOR_QUERY = 'Z'.charCodeAt(0)
const TERMINATE = 'X'.charCodeAt(0)
const IDLE = 'I'.charCodeAt(0)

// Leaves a failed extended query behind, then whatever transaction the client had open.
const ABANDON = Buffer.concat([Buffer.from([0x53, 0, 0, 0, 4]), Buffer.from('Q\0\0\0\x0dROLLBACK\0', 'latin1')])

export interface WireOptions {
  /** Ends a client that keeps a transaction open without a word, as `idle_in_transaction_session_timeout` would. */
  readonly idleInTransactionMs: number
}

/**
 * Lets several processes use one PGlite over PostgreSQL's wire protocol.
 *
 * PGlite is one session, so a client owns it from the first message of a query until the server is idle again: over the
 * whole of an extended query, over the whole of a transaction. The others wait in line.
 */
export function serveWire(db: PGlite, { idleInTransactionMs }: WireOptions): Server {
  const waiting: Client[] = []
  let owner: Client | undefined
  let busy = false

  class Client {
    readonly #socket: Socket
    #received: Buffer[] = []
    #started = false
    #watchdog: NodeJS.Timeout | undefined
    /** Whether a query or a transaction of this client is under way. */
    isOpen = false
    gone = false

    constructor(socket: Socket) {
      this.#socket = socket
      socket.setNoDelay(true)
      socket.on('data', (data) => {
        this.#received.push(data)
        if (owner !== this && !waiting.includes(this)) waiting.push(this)
        void turn()
      })
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        this.gone = true
        clearTimeout(this.#watchdog)
        void turn()
      })
    }

    get hasMore(): boolean {
      return this.#received.length > 0
    }

    /** Every whole message received so far, start-up packets answered or cut off. */
    take(): Buffer | undefined {
      let buffer = this.#received.length === 1 ? (this.#received[0] as Buffer) : Buffer.concat(this.#received)
      let end = 0
      for (;;) {
        const rest = buffer.length - end
        const header = this.#started ? 1 : 0
        if (rest < header + 4) break
        const length = header + buffer.readInt32BE(end + header)
        if (rest < length) break
        if (!this.#started) {
          const code = length >= 8 ? buffer.readInt32BE(end + 4) : 0
          if (code === SSL_REQUEST || code === CANCEL_REQUEST) {
            if (code === SSL_REQUEST) this.#socket.write('N')
            buffer = buffer.subarray(length)
            continue
          }
          this.#started = true
        } else if (buffer[end] === TERMINATE) {
          this.#socket.end()
          buffer = buffer.subarray(0, end)
          break
        }
        end += length
      }
      this.#received = end < buffer.length ? [buffer.subarray(end)] : []
      return end === 0 ? undefined : buffer.subarray(0, end)
    }

    async run(messages: Buffer): Promise<void> {
      clearTimeout(this.#watchdog)
      this.isOpen = true
      let status = 0
      await db.execProtocolRawStream(messages, {
        onRawData: (data) => {
          status = lastStatus(data) ?? status
          if (!this.gone) this.#socket.write(Buffer.from(data))
        },
      })
      this.isOpen = status !== IDLE
      if (this.isOpen) this.#watchdog = setTimeout(() => this.#socket.destroy(), idleInTransactionMs)
    }
  }

  async function turn(): Promise<void> {
    if (busy) return
    busy = true
    for (;;) {
      owner ??= waiting.shift()
      if (owner === undefined) break
      const messages = owner.gone ? undefined : owner.take()
      if (messages !== undefined) {
        await owner.run(messages)
        // What came meanwhile, after an answer that was sent before the run was over.
        if (!owner.isOpen && owner.hasMore) waiting.push(owner)
      } else if (owner.isOpen && owner.gone) {
        await db.execProtocolRawStream(ABANDON, { onRawData: () => {} })
        owner.isOpen = false
      } else if (owner.isOpen) {
        break
      }
      if (!owner.isOpen) owner = undefined
    }
    busy = false
  }

  return createServer((socket) => new Client(socket))
}

/** The status byte of the ReadyForQuery message that ends `data`, if one does. */
function lastStatus(data: Uint8Array): number | undefined {
  const at = data.length - 6
  return at >= 0 && data[at] === READY_FOR_QUERY && data[at + 4] === 5 ? data[at + 5] : undefined
}
