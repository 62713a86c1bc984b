import type { AddressInfo } from 'node:net'
import { PGlite } from '@electric-sql/pglite'
import { childOf } from '../process/child.ts'
import { TARGET_DDL } from './schema.ts'
import { serveWire } from './wire.ts'

/** The target database as a process of its own, so that it can be stopped, killed and started again like a server. */
export interface TargetServerInput {
  readonly folder: string
  /** `0` for any free port. */
  readonly port: number
}

const parent = childOf<TargetServerInput>()
const db = await PGlite.create(parent.input.folder)
await db.exec(TARGET_DDL)
const server = serveWire(db, { idleInTransactionMs: 15_000 })
server.listen(parent.input.port, '127.0.0.1', () => {
  parent.ready({ port: (server.address() as AddressInfo).port })
})
parent.onStop(async () => {
  server.close()
  await db.close()
})
