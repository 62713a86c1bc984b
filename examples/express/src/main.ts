import type { AddressInfo } from 'node:net'
import { drain, onSignal, openService } from '@twinspan/example-accounts'
import { createApp } from './app.ts'

const service = await openService(process.env)
const { host, port } = service.config
const server = createApp(service).listen(port, host, (error) => {
  if (error) throw error
  console.log(`Listening on http://${host}:${(server.address() as AddressInfo).port}`)
})

onSignal(async () => {
  // First those who ask, then what they have left to be copied.
  await drain(server)
  await service.close()
})
