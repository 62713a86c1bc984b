import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { drain, type Parts } from '@twinspan/example-accounts'
import { migrationContract, serviceContract } from '@twinspan/example-accounts/testing'
import { createApp } from '../src/app.ts'

async function start(parts: Parts) {
  const server = createApp(parts).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => drain(server) }
}

serviceContract('Express', start)
migrationContract('Express', start)
