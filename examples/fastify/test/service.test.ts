import { drain } from '@twinspan/example-accounts'
import { serviceContract } from '@twinspan/example-accounts/testing'
import { createApp } from '../src/app.ts'

serviceContract('Fastify', async (parts) => {
  const app = await createApp(parts)
  return {
    url: await app.listen({ port: 0, host: '127.0.0.1' }),
    async close() {
      await Promise.all([drain(app.server), app.close()])
    },
  }
})
