import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { drain } from '@twinspan/example-accounts'
import { serviceContract } from '@twinspan/example-accounts/testing'
import { createApp } from '../src/app.ts'

serviceContract('Express', async (parts) => {
  const server = createApp(parts).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => drain(server) }
})
