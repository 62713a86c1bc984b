import { drain, onSignal, openService } from '@twinspan/example-accounts'
import { createApp } from './app.ts'

const service = await openService(process.env)
const { host, port } = service.config
const app = await createApp(service)
console.log(`Listening on ${await app.listen({ port, host })}`)

onSignal(async () => {
  // First those who ask, then what they have left to be copied. Fastify's own close waits for requests in flight, but not for
  // connections that never end.
  await Promise.all([drain(app.server), app.close()])
  await service.close()
})
