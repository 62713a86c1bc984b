/** PGlite as a server of its own: `node pglite-server.ts`. Says its port to whoever forked it. */
import type { AddressInfo } from 'node:net'
import { PGlite } from '@electric-sql/pglite'
import { serveWire } from '../../../examples/demo/src/target/wire.ts'

process.on('disconnect', () => process.exit(0))
const db = await PGlite.create()
const server = serveWire(db, { idleInTransactionMs: 15_000 })
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
